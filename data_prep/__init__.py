"""Prepares data sets as TFRecords of the released schema; the only code of the project that downloads."""
