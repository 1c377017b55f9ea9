"""Splits the CPU in two logical devices, for tests of distribution; to be imported before TensorFlow starts."""

import tensorflow as tf

_cpu, = tf.config.list_physical_devices('CPU')
tf.config.set_logical_device_configuration(_cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
