# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine of the lab: real Xen on an emulated PC, its dom0 driven by a job.

m = Machine('vtd', folder); m.start(job); m.wait('NAME'); m.say('word')
m.stop_cpus(); m.dump('core.elf'); m.close()

The folder is the share (/h in dom0): the job's files come to lie in it. Marker
lines travel on the second serial port, the console is in console.log.
"""
import glob
import hashlib
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
BUILD = os.path.join(TOP, os.environ.get('BUILD', 'build'))
LAB = os.environ.get('LAB') or os.path.join(BUILD, 'lab')
SKIP = 77  # exit status of a scenario that cannot run here

# SMAP, RDTSCP and mwait break Xen under this emulator.
CPU = 'EPYC,-smap,-rdtscp'
XEN = ('com1=115200,8n1 console=com1 dom0_mem=512M,max:512M dom0_max_vcpus=1 cpuidle=0 bootscrub=0 '
       'conring_size=4m loglvl=all guest_loglvl=all')
DOM0 = 'console=hvc0 quiet nokaslr rdinit=/init panic=1'
KINDS = {
    # VT-d beside SVM: no real machine has both, but both tables are real.
    'vtd': (['-device', 'intel-iommu,intremap=on,aw-bits=48'], 'iommu=no-sharept,verbose'),
    'amdvi': (['-device', 'amd-iommu'], 'iommu=verbose'),
}

# amd-iommu needs 2 GiB here; less is quicker to save
MIB = {'vtd': 1024, 'amdvi': 2048}


class LabError(Exception):
    """A machine that did not do what the scenario needs."""


def need_base():
    """Build the base, once."""
    subprocess.run([os.path.join(HERE, 'base'), LAB], check=True, stdout=sys.stderr)


def job(*names):
    """Text of a job out of files of dom0/, one behind the other."""
    return ''.join(open(os.path.join(HERE, '..', 'dom0', n)).read() for n in names)


def shm(size):
    """A folder for a machine's RAM: memory where it fits, else the disk."""
    try:
        s = os.statvfs('/dev/shm')
        if s.f_bavail * s.f_frsize > size + (256 << 20):
            return '/dev/shm'
    except OSError:
        pass
    return LAB


class Machine:
    """One emulated PC with Xen, from power-on (or a saved state) to close()."""

    def __init__(self, kind, folder, mem, xen='', keep_state=True, timeout=120):
        self.kind, self.folder, self.mem = kind, folder, mem
        self.extra_xen = xen
        self.deadline = time.time() + timeout
        self.keep_state = keep_state and kind != 'amdvi'  # that device blocks migration
        self.process = None
        self.com2 = self.qmp = None
        self.buffer = b''
        self.began = time.time()
        self.share = os.path.join(folder, 'share')
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(self.share)
        for old in glob.glob('/dev/shm/emt-lab-*.ram') + glob.glob(LAB + '/emt-lab-*.ram'):
            if not os.path.exists('/proc/' + old.rsplit('-', 1)[1].split('.')[0]):
                os.unlink(old)  # its machine was killed
        self.ram = os.path.join(shm(mem << 20), 'emt-lab-%d.ram' % os.getpid())

    # -- power --------------------------------------------------------------

    def _args(self):
        devices, xen = KINDS[self.kind]
        comma = lambda s: s.replace(',', ',,')
        return ['qemu-system-x86_64', '-machine', 'q35,memory-backend=ram', '-accel', 'tcg,thread=multi',
                '-cpu', CPU, '-m', str(self.mem), '-smp', '1', '-display', 'none', '-no-reboot',
                '-nodefaults',
                '-object', 'memory-backend-file,id=ram,share=on,size=%dM,mem-path=%s' % (self.mem, self.ram),
                *devices,
                '-chardev', 'socket,id=qmp,path=%s/qmp,server=on,wait=off' % self.folder,
                '-mon', 'qmp,mode=control',
                '-chardev', 'socket,id=com2,path=%s/com2,server=on,wait=off' % self.folder,
                '-serial', 'file:%s/console.log' % self.folder, '-serial', 'chardev:com2',
                '-kernel', LAB + '/xen', '-append', ' '.join((XEN, xen, self.extra_xen)),
                '-initrd', '%s %s,%s' % (LAB + '/vmlinux', comma(DOM0), LAB + '/base.cpio'),
                '-fsdev', 'local,id=share,path=%s,security_model=none' % self.share,
                '-device', 'virtio-9p-pci,fsdev=share,mount_tag=share,iommu_platform=on,disable-legacy=on',
                '-device', 'edu', '-device', 'edu', '-device', 'edu']

    def _state(self):
        """File of the saved state: named by all that it depends on."""
        h = hashlib.sha256()
        for a in self._args():
            h.update(a.replace(self.folder, '').replace(self.ram, '').encode() + b'\0')
        for f in ('xen', 'vmlinux', 'base.cpio'):
            h.update(open(os.path.join(LAB, f), 'rb').read())
        version = ['qemu-system-x86_64', '--version']
        h.update(subprocess.run(version, stdout=subprocess.PIPE, check=True).stdout)
        return os.path.join(LAB, 'state-%s-%d-%s' % (self.kind, self.mem, h.hexdigest()[:16]))

    def start(self, job, timeout=90):
        """Boot, or restore, as far as the tool stack; then start job (shell text)."""
        open(os.path.join(self.share, 'job'), 'w').write(job)
        state = self._state() if self.keep_state else ''
        restore = bool(state) and os.path.exists(state)
        args = self._args() + (['-incoming', 'exec:cat ' + shlex.quote(state)] if restore else [])
        log = open(os.path.join(self.folder, 'qemu.log'), 'wb')
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.com2 = self._connect('com2')
        self.qmp = self._connect('qmp')
        self._qmp_read()
        self.command('qmp_capabilities')
        if restore:
            while True:
                status = self.command('query-status')['status']
                if status == 'running':
                    break
                if status == 'paused':  # as it was saved
                    self.command('cont')
                elif status != 'inmigrate':
                    raise LabError('restoring the machine: ' + status)
                self._alive()
                time.sleep(0.02)
            # what the machine printed before it was saved
            shutil.copy(state + '.boot', os.path.join(self.folder, 'boot.log'))
        else:
            self.wait('READY', timeout)
            shutil.copy(os.path.join(self.folder, 'console.log'), os.path.join(self.folder, 'boot.log'))
            if state:
                self._save(state)
        self.say('go')

    def _save(self, state):
        time.sleep(0.3)  # let dom0 fall idle in its read
        self.stop_cpus()
        self.command('migrate', uri='exec:cat > %s.new' % shlex.quote(state))
        while True:
            status = self.command('query-migrate').get('status')
            if status == 'completed':
                break
            if status in ('failed', 'cancelled'):
                raise LabError('saving the machine %s' % status)
            self._alive()
            time.sleep(0.05)
        shutil.copy(os.path.join(self.folder, 'boot.log'), state + '.boot')
        os.rename(state + '.new', state)
        for old in glob.glob(state.rsplit('-', 1)[0] + '-*'):
            if not old.startswith(state):
                os.unlink(old)
        self.command('cont')

    def close(self):
        """End the machine, whatever its state."""
        if self.process:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        for s in (self.com2, self.qmp):
            if s:
                s.close()
        if os.path.exists(self.ram):
            os.unlink(self.ram)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- talking ------------------------------------------------------------

    def _alive(self):
        if self.process.poll() is not None:
            raise LabError('the emulator ended, status %d: see %s/qemu.log' %
                           (self.process.returncode, self.folder))
        if time.time() > self.deadline:
            raise LabError('out of time: see %s/console.log' % self.folder)

    def _connect(self, name):
        # a socket's path must be short: go by the folder
        for _ in range(400):
            self._alive()
            s = socket.socket(socket.AF_UNIX)
            try:
                fd = os.open(self.folder, os.O_RDONLY)
                try:
                    s.connect('/proc/self/fd/%d/%s' % (fd, name))
                finally:
                    os.close(fd)
                return s
            except OSError:
                s.close()
                time.sleep(0.02)
        raise LabError('no %s' % name)

    def wait(self, word, timeout=60):
        """Wait for the marker line 'LAB word ...'; returns what follows."""
        end = min(self.deadline, time.time() + timeout)
        while True:
            while b'\n' in self.buffer:
                line, self.buffer = self.buffer.split(b'\n', 1)
                words = line.decode('latin1').strip().split(' ', 2)
                if words[0] == 'LAB' and words[1] == 'FAILED':
                    raise LabError('dom0 says: ' + ' '.join(words[2:]))
                if words[0] == 'LAB' and words[1] == word:
                    return ' '.join(words[2:])
            if select.select([self.com2], [], [], 0.2)[0]:
                data = self.com2.recv(4096)
                if not data:
                    self._alive()
                    time.sleep(0.1)
                self.buffer += data
            self._alive()
            if time.time() > end:
                raise LabError('no %s from dom0 in time: see %s/console.log' % (word, self.folder))

    def say(self, word):
        """Answer lab_wait of the job."""
        self.com2.sendall(word.encode() + b'\n')

    def _qmp_read(self):
        data = b''
        while not data.endswith(b'\n'):
            if not select.select([self.qmp], [], [], max(0.1, self.deadline - time.time()))[0]:
                raise LabError('the emulator does not answer')
            more = self.qmp.recv(65536)
            if not more:
                raise LabError('the emulator ended: see %s/qemu.log' % self.folder)
            data += more
        return [json.loads(line) for line in data.splitlines()]

    def command(self, name, **arguments):
        """A QMP command; returns its reply."""
        self.qmp.sendall(json.dumps({'execute': name, 'arguments': arguments}).encode())
        while True:
            for reply in self._qmp_read():
                if 'return' in reply:
                    return reply['return']
                if 'error' in reply:
                    raise LabError('%s: %s' % (name, reply['error']['desc']))

    def stop_cpus(self):
        """Freeze the machine."""
        self.command('stop')

    def dump(self, path):
        """Write the machine's memory as an ELF core."""
        self.command('dump-guest-memory', paging=False, protocol='file:' + path)
        os.chmod(path, 0o644)
        subprocess.run(['fallocate', '--dig-holes', path], check=False)  # mostly zeros

    # -- files --------------------------------------------------------------

    def give(self, path, name=None, mode=0o755):
        """Put a file of this machine into the share."""
        to = os.path.join(self.share, name or os.path.basename(path))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(path, to)
        os.chmod(to, mode)

    def got(self, name):
        """Text of a file of the share."""
        return open(os.path.join(self.share, name), encoding='latin1').read()


# Debian's 4.17.7: the one build whose structure offsets are known exactly.
KNOWN_BUILD = '151b373fd64b321593bf987fd923cd10dabadac4'


def build_id():
    """Of the Xen that the machines boot."""
    out = subprocess.run(['readelf', '-n', LAB + '/xen'], stdout=subprocess.PIPE, check=True).stdout.decode()
    return out.split('Build ID: ')[-1].split()[0]


def unknown_build():
    """Is it another one than that whose offsets are known? Says so: its scenario is skipped then."""
    known = build_id() == KNOWN_BUILD
    if not known:
        print('  this Xen is build %s, not the one whose offsets are known (%s): skipped' % (build_id(), KNOWN_BUILD))
    return not known


def run(main):
    """Run a scenario's main() for the shell; a time limit's signal ends the machine too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('lab: ended from outside'))
    try:
        sys.exit(main())
    except LabError as e:
        sys.exit('lab: %s' % e)
