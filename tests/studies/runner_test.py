"""The runner, with stand-in programs."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import types

import tensorflow as tf

from acai_tf.errors import Stopped
from acai_tf.runs import Run
from acai_tf.studies.runner import Runner

PROGRAM = '''
import os, signal, sys, time
flags = dict(flag[2:].split('=', 1) for flag in sys.argv[1:])
path = flags['path']
os.makedirs(path, exist_ok=True)
with open(f'{path}/starts', 'a') as file:
    file.write('x')
starts = os.path.getsize(f'{path}/starts')
def stop(*_):
    print('acai_train: stopped', file=sys.stderr)
    sys.exit(42)
signal.signal(signal.SIGTERM, stop)
codes = [int(code) for code in flags['codes'].split(',')]
code = codes[min(starts, len(codes)) - 1]
time.sleep(float(flags['seconds']))
for _ in range(3000):
    if os.path.exists(flags['after']):
        break
    time.sleep(0.02)
else:
    sys.exit(1)
if code < 0:
    os.kill(os.getpid(), -code)
if code:
    print('acai_train: ' + flags['says'], file=sys.stderr)
else:
    open(f'{path}/done', 'w').close()
sys.exit(code)
'''


class StandIn:
    """Makes a job with a program that exits with the first of the codes, then with the second, ..."""

    is_pixels = False
    config = types.SimpleNamespace(total_kimg=8)

    def __init__(self, parent, name, codes=(0,), seconds=0.0, says='something is wrong', waits_for='.'):
        self.run, self.name, self.key = Run(os.path.join(parent, name)), f'set/{name}', name
        self._flags = [f'--path={self.run}', f'--codes={",".join(map(str, codes))}', f'--seconds={seconds}',
                       f'--says={says}', f'--after={os.path.join(parent, waits_for)}']

    def is_trained(self):
        return os.path.exists(self.run.file('done'))

    def divergence(self):
        return None

    def next_command(self, failed=()):
        command = ['acai_train', *self._flags]
        return None if self.is_trained() or command in failed else command

    def starts(self):
        with contextlib.suppress(FileNotFoundError):
            return os.path.getsize(self.run.file('starts'))
        return 0


class RunnerTest(tf.test.TestCase):

    def setUp(self):
        super().setUp()
        self.train_dir, self.programs = (self.create_tempdir().full_path for _ in range(2))
        with open(os.path.join(self.programs, 'acai_train'), 'w') as file:
            file.write(PROGRAM)

    def carry_out(self, jobs, at_once=1):
        return Runner(jobs, self.programs, self.train_dir, at_once, pause=0.05).carry_out()

    def stand_in(self, name, *args, **kwargs):
        return StandIn(self.train_dir, name, *args, **kwargs)

    def test_what_is_interrupted_is_started_again_and_what_is_done_is_not(self):
        jobs = [self.stand_in('plain'), self.stand_in('stubborn', (42, 5, 4, 0)), self.stand_in('killed', (-9, 0))]
        self.assertEqual(self.carry_out(jobs), {})
        self.assertEqual([job.starts() for job in jobs], [1, 4, 2])
        self.assertEqual(self.carry_out(jobs), {})
        self.assertEqual([job.starts() for job in jobs], [1, 4, 2])

    def test_what_cannot_be_finished_says_why_and_does_not_stop_the_others(self):
        jobs = [self.stand_in('diverged', (3,), says='loss_ae is nan at step 7'),
                self.stand_in('full', (4,), says='disk full'), self.stand_in('wrong', (1,), says='no such thing'),
                self.stand_in('plain')]
        failures = {key: (failure.exit_code, failure.message) for key, (failure,) in self.carry_out(jobs).items()}
        self.assertEqual(failures, {
            'diverged': (3, 'loss_ae is nan at step 7'), 'full': (4, 'disk full'), 'wrong': (1, 'no such thing')})
        self.assertEqual([job.starts() for job in jobs], [1, 4, 1, 1])

    def test_what_is_killed_again_and_again_says_so(self):
        job = self.stand_in('killed', (-9,))
        (failure,) = self.carry_out([job])['killed']
        self.assertEqual((failure.exit_code, job.starts()), (137, 4))
        self.assertRegex(failure.message, r'^acai_train was ended by signal 9; its output is in .*/set/killed\.log$')

    def test_one_metric_that_fails_does_not_stop_the_next(self):
        for name in ('acai_cluster', 'acai_evaluate'):
            shutil.copy(os.path.join(self.programs, 'acai_train'), os.path.join(self.programs, name))
        job, first, second = self.stand_in('job'), self.stand_in('cluster', (1,)), self.stand_in('evaluate')
        parts = {'acai_cluster': first, 'acai_evaluate': second}
        commands = [[program, *part.next_command()[1:]] for program, part in parts.items()]
        job.next_command = lambda failed=(): next((command for command, part in zip(commands, parts.values())
                                                   if command not in failed and not part.is_trained()), None)
        failures = self.carry_out([job])
        self.assertEqual([failure.command for failure in failures['job']], commands[:1])
        self.assertEqual((first.starts(), second.starts()), (1, 1))
        # One that leaves no result is not started for ever.
        second.is_trained = lambda: False
        failures = self.carry_out([job])
        self.assertEqual([failure.message for failure in failures['job']],
                         ['something is wrong', 'acai_evaluate succeeded but left no result'])
        self.assertEqual((first.starts(), second.starts()), (2, 2))

    def test_a_run_in_use_is_looked_at_again(self):
        held, other, told = self.stand_in('held'), self.stand_in('other'), self.stand_in(
            'told', (1, 0), says='/somewhere is in use by another process; wait')
        os.makedirs(held.run.path)
        with open(held.run.lock_path, 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            thread = threading.Thread(target=self.carry_out, args=[[held, other, told]])
            thread.start()
            deadline = time.monotonic() + 60
            while not (other.is_trained() and told.is_trained()) and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            self.assertEqual((held.starts(), other.starts(), told.starts()), (0, 1, 2))
        thread.join(60)
        self.assertTrue(held.is_trained())

    def test_two_divide_the_work(self):
        # The first two wait for each other's start, so one runner cannot do both.
        jobs = [self.stand_in('left', waits_for='right'), self.stand_in('right', waits_for='left'),
                *(self.stand_in(f'run{number}') for number in range(3))]
        failures = []
        threads = [threading.Thread(target=lambda: failures.append(self.carry_out(jobs))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        self.assertEqual(failures, [{}, {}])
        self.assertEqual([job.starts() for job in jobs], [1] * 5)
        self.assertTrue(all(job.is_trained() for job in jobs))

    def test_several_at_once(self):
        names = ['first', 'second', 'third']
        jobs = [self.stand_in(name, waits_for=other) for name, other in zip(names, names[1:] + names[:1])]
        self.assertEqual(self.carry_out(jobs, at_once=3), {})
        self.assertEqual([job.starts() for job in jobs], [1] * 3)

    def test_a_signal_stops_the_programs_first(self):
        jobs = [self.stand_in('long', seconds=60), self.stand_in('next')]
        timer = threading.Thread(target=self.signal_when_started, args=[jobs[0]])
        timer.start()
        with self.assertRaisesRegex(Stopped, 'stopped by SIGTERM; the same command resumes from there'):
            self.carry_out(jobs)
        timer.join()
        self.assertEqual((jobs[0].is_trained(), jobs[1].starts()), (False, 0))
        with open(os.path.join(self.train_dir, '.study', 'set', 'long.log')) as file:
            self.assertEndsWith(file.read(), 'acai_train: stopped\n')

    def signal_when_started(self, job):
        while not job.starts():
            time.sleep(0.02)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    def test_a_program_whose_runner_was_killed_keeps_its_run(self):
        orphan = self.stand_in('orphan', seconds=1.0)
        lock = os.path.join(self.train_dir, '.study', 'set', 'orphan.lock')
        os.makedirs(os.path.dirname(lock))
        with open(lock, 'w') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            program = os.path.join(self.programs, 'acai_train')
            process = subprocess.Popen([sys.executable, program, *orphan.next_command()[1:]], pass_fds=[file.fileno()])
        self.assertEqual(self.carry_out([orphan]), {})
        process.wait()
        self.assertEqual(orphan.starts(), 1)


if __name__ == '__main__':
    tf.test.main()
