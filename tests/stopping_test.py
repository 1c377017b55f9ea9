import os
import signal

import tensorflow as tf
from absl.testing import parameterized

from acai_tf.stopping import stop_signals

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignalsTest(parameterized.TestCase, tf.test.TestCase):

    @parameterized.parameters(*SIGNALS)
    def test_the_first_is_noted_and_the_second_would_end_the_process(self, kind):
        before = [*map(signal.getsignal, SIGNALS)]
        with self.assertLogs('acai_tf') as logs, stop_signals('saving') as stop:
            self.assertEqual(stop.signal, 0)
            os.kill(os.getpid(), kind)
            self.assertEqual(stop.signal, kind)
            self.assertEqual([*map(signal.getsignal, SIGNALS)], [signal.SIG_DFL] * 3)
        self.assertEqual(logs.records[0].getMessage(), f'{kind.name}: saving; send it again to quit immediately')
        self.assertEqual([*map(signal.getsignal, SIGNALS)], before)

    def test_nohup_is_respected(self):
        earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with stop_signals('saving') as stop:
                os.kill(os.getpid(), signal.SIGHUP)
                self.assertEqual(stop.signal, 0)
            self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)
        finally:
            signal.signal(signal.SIGHUP, earlier)


if __name__ == '__main__':
    tf.test.main()
