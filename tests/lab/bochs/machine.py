#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with Intel EPT, emulated by Bochs: boots a disc, gives back what dom0 sent.

Its log of speed takes SIGALRM and can lock itself: it is started with that blocked. A
clean power-off ends as a panic with status 1, which is none. Without a sound card its
speaker overruns a buffer of its own: it has none here."""
import base64
import io
import os
import signal
import subprocess
import tarfile
import time

CONFIG = '''display_library: rfb, options="timeout=0"
config_interface: textconfig
cpu: model=corei7_haswell_4770, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=1536, host=1536
romimage: file=/usr/share/seabios/bios.bin
vgaromimage: file=/usr/share/vgabios/vgabios.bin
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=%(folder)s/xen.iso, status=inserted
boot: cdrom
plugin_ctrl: speaker=0
sound: driver=dummy, waveoutdrv=dummy
clock: sync=none, time0=%(time0)d
com1: enabled=1, mode=file, dev=%(folder)s/com1.log
com2: enabled=1, %(com2)s
log: %(folder)s/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
'''


def read(path):
    try:
        return open(path, encoding='latin1').read()
    except FileNotFoundError:
        return ''


def results(text):
    """Out of what a machine sent over its second port: files by name, and the marks."""
    marks = [line[4:] for line in text.splitlines() if line.startswith('LAB ')]
    files = {}
    if 'LAB DONE' in text:
        body = text.split('LAB RESULTS\n')[1].split('LAB DONE')[0]
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(body))) as tar:
            for m in tar.getmembers():
                if m.isfile():
                    files[os.path.basename(m.name)] = tar.extractfile(m).read()
    return files, marks


def run(folder, limit, port=None):
    """Boot folder/xen.iso until dom0 powers off; its results by name, and the marks. With a
    port.Port the second serial port goes there, both ways, and the clock is right."""
    for name in ('com1.log', 'com2.log'):
        open(os.path.join(folder, name), 'w').close()
    com2 = 'mode=socket-client, dev=127.0.0.1:%d' % port.number if port else 'mode=file, dev=%s/com2.log' % folder
    time0 = int(time.time()) if port else 1700000000
    open(os.path.join(folder, 'bochsrc'), 'w').write(CONFIG % {'folder': folder, 'com2': com2, 'time0': time0})
    open(os.path.join(folder, 'rc'), 'w').write('c\n')
    env = dict(os.environ, LTDL_LIBRARY_PATH='/usr/lib/x86_64-linux-gnu/bochs/plugins')
    with open(os.path.join(folder, 'bochs.out'), 'w') as out:
        p = subprocess.Popen(['bochs-bin', '-q', '-f', os.path.join(folder, 'bochsrc'), '-rc', os.path.join(folder, 'rc')],
                             stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True,
                             preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]))
    end = time.time() + limit
    try:
        while p.poll() is None and time.time() < end:
            time.sleep(0.5)
            if 'LAB DONE' in read(os.path.join(folder, 'com2.log')):
                break
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
        p.wait()
    return results(read(os.path.join(folder, 'com2.log')))
