"""Prepares data sets as TFRecords of the released schema. No other code of the project downloads anything."""
