#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: watch.py NAME
emtd watches a guest on real EPT by what BPF sees of the toolstack: each call that changes
the guest is followed by an audit. A real Prometheus, with the project's rules, gets emtd's
metrics: its alert fires because the guest's memory really changed, and clears when that is
undone. The machine has no network: dom0 fetches the metrics from emtd's port and sends them
over its serial line, a server on this machine hands out the last that came."""
import base64
import calendar
import gzip
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

import job
import lab
import machine
from check import check, finish
from port import Port
from steps import UC, WC, GUEST, HERE, mtrr, read

LIMIT = 800      # seconds for all
FRESH = 60       # seconds after which a text that came is not handed out any more
AREA = (0x1400, 0x200, UC)
SECOND = (0x600, 0x200, WC)
ALL = read()
WORDS = {
    'GRANTED': mtrr(0x200, *AREA) + ' iomem fd000 1 1 ' + ALL,
    'CHANGED': mtrr(0x202, *SECOND) + ' iomem fd004 1 1 ' + ALL,
    'UNDONE': 'wrmsr 203 0 iomem fd004 1 0 ' + ALL,
}
RULES = os.path.join(lab.TOP, 'daemon', 'monitoring', 'emt-alerts.yml')


class Relay:
    """The last metrics that dom0 sent, on a port of this machine."""

    def __init__(self):
        self.text, self.when, self.served, self.came, self.broken = b'', 0, 0, 0, 0
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if time.time() - relay.when > FRESH:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header('Content-Type', 'text/plain; version=0.0.4')
                self.end_headers()
                self.wfile.write(relay.text)
                relay.served += 1

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, line):
        if not line.startswith('METRICS '):
            return
        try:
            text = gzip.decompress(base64.b64decode(line[8:]))
        except (ValueError, OSError, EOFError):
            self.broken += 1
            return
        self.text, self.when = text, time.time()
        self.came += 1


class Prometheus:
    """Debian's, over the project's rules with waits of a second."""

    def __init__(self, folder, target):
        s = http.server.socketserver.TCPServer(('127.0.0.1', 0), None)
        self.api = 'http://127.0.0.1:%d/api/v1/' % s.server_address[1]
        address = '127.0.0.1:%d' % s.server_address[1]
        s.server_close()
        rules = re.sub(r'for: .*', 'for: 1s', open(RULES).read())
        open(os.path.join(folder, 'rules.yml'), 'w').write(rules)
        open(os.path.join(folder, 'prometheus.yml'), 'w').write(
            'global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [ rules.yml ]\n'
            'scrape_configs: [ { job_name: emtd, static_configs: [ { targets: [ "127.0.0.1:%d" ] } ] } ]\n' % target)
        self.log = open(os.path.join(folder, 'prometheus.log'), 'w')
        self.process = subprocess.Popen(
            ['prometheus', '--config.file=prometheus.yml', '--storage.tsdb.path=tsdb', '--web.listen-address=' + address],
            cwd=folder, stdout=self.log, stderr=self.log)

    def ask(self, what):
        try:
            with urllib.request.urlopen(self.api + what, timeout=5) as r:
                return json.load(r)['data']
        except OSError:
            return None

    def alerts(self):
        """{name: (state, labels)} or None."""
        data = self.ask('alerts')
        return data and {a['labels']['alertname']: (a['state'], a['labels']) for a in data['alerts']}

    def up(self):
        data = self.ask('query?query=up')
        return bool(data and data['result'] and data['result'][0]['value'][1] == '1')

    def until(self, so, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            if so():
                return True
            time.sleep(0.3)
        return False

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def converse(port, prometheus, seen):
    """The side of this machine: look, say a word, look again."""
    for mark in ('CLEAN', 'CHANGED', 'UNDONE'):
        if port.wait(mark, LIMIT) is None:
            return
        if mark == 'CLEAN':
            seen['up'] = prometheus.until(prometheus.up)
            time.sleep(4)
            seen['clean'] = prometheus.alerts()
        elif mark == 'CHANGED':
            firing = lambda: (prometheus.alerts() or {}).get('EmtKnownDefect', ('', 0))[0] == 'firing'
            began = time.time()
            prometheus.until(firing)
            seen['fired'] = prometheus.alerts()
            seen['seconds'] = time.time() - began
        else:
            prometheus.until(lambda: prometheus.alerts() == {})
            seen['cleared'] = prometheus.alerts()
        port.say('go')


def lines_of(text):
    out = []
    for line in text.splitlines():
        try:
            out.append(json.loads(line))
        except ValueError:
            pass
    return out


def at(record):
    return calendar.timegm(time.strptime(record['time'], '%Y-%m-%dT%H:%M:%SZ'))


def value(text, name):
    """Of the first sample that begins so."""
    return float(next(l for l in text.splitlines() if l.startswith(name)).rsplit(' ', 1)[1])


def main():
    folder = os.path.join(lab.LAB, 'out', sys.argv[1])
    if not shutil.which('prometheus'):
        print('  no prometheus here: tests/packages test installs it')
        return lab.SKIP
    subprocess.run([os.path.join(HERE, 'packages')], check=True)
    lab.need_base()
    subprocess.run([os.path.join(GUEST, 'build'), lab.LAB], check=True)
    text = ''.join("%s='%s'\n" % w for w in WORDS.items()) + open(os.path.join(HERE, 'watch.sh')).read()
    job.prepare(folder, text,
                [os.path.join(lab.LAB, 'bin', 'steer'), os.path.join(lab.LAB, 'steered'), os.path.join(GUEST, 'steered.cfg')],
                console='none', programs=('emtctl', 'emtd'))
    relay, seen = Relay(), {}
    port = Port(os.path.join(folder, 'com2.log'), relay.take)
    prometheus = Prometheus(folder, relay.port)
    try:
        talk = threading.Thread(target=converse, args=(port, prometheus, seen), daemon=True)
        talk.start()
        files, marks = machine.run(folder, LIMIT, port)
    finally:
        prometheus.close()
    for n, data in files.items():
        open(os.path.join(folder, n), 'wb').write(data)
    if not check('dom0 did its job', files and not any(m.startswith('FAILED') for m in marks), str(marks[-3:])):
        return finish()
    text = lambda n: files[n].decode('latin1')
    calls = [r for r in lines_of(text('journal.ndjson')) if r['record'] == 'toolstack_event']
    events = lines_of(text('events.ndjson'))
    last = text('last.prom')
    ways = [r['way'] for r in lines_of(text('journal.ndjson')) if r['record'] == 'watching']
    check('BPF saw the toolstack', len(calls) > 200 and ways, '%d calls by %s' % (len(calls), ', '.join(ways)))
    interval = value(last, 'emt_watch_triggers_total{by="journal"}')
    check('it is the journal that had it audited', interval >= 6 and 'following the journal' in text('emtd.log'),
          '%d audits asked for' % interval)

    def follows(what, call, event, seconds=8):
        """The call, and the event of emtd next after it."""
        c = [r for r in calls if r['event'] == call]
        e = [r for r in events if c and at(r) >= at(c[-1]) and event(r)]
        return check(what, c and e and at(e[0]) - at(c[-1]) <= seconds,
                     '%s; after %s s: %s' % (c[-1]['text'] if c else 'no call', at(e[0]) - at(c[-1]) if e else '-',
                                             e[0].get('explanation') if e else 'nothing'))

    new = json.loads(text('new.wait'))['data']['state']
    check('a domain that comes is audited', new and new[0]['complete'] and new[0]['entries'] > 10,
          '%d entries' % (new[0]['entries'] if new else 0))
    host = lambda kind: lambda r: r['event'] == kind and r['severity'] == 'notice'
    follows('a host MTRR that comes is followed by a finding', 'host-mtrr-add', host('new'))
    follows('and its end by the end of the finding', 'host-mtrr-delete', host('cleared'))
    warned = [r for r in events if r['severity'] == 'warning']
    check('the guest\'s MTRR: a warning, new and cleared', [r['event'] for r in warned] == ['new', 'cleared'],
          '; '.join('%s: %s' % (r['event'], r['explanation']) for r in warned))
    check('Prometheus scrapes it', seen.get('up') and relay.served > 10 and not relay.broken,
          '%d texts came, %d scrapes' % (relay.came, relay.served))
    check('no alert before', seen.get('clean') == {}, str(seen.get('clean')))
    fired = seen.get('fired') or {}
    state, labels = fired.get('EmtKnownDefect', ('', {}))
    check('the alert fires, of this domain, and no other', state == 'firing' and list(fired) == ['EmtKnownDefect'] and
          labels.get('name') == 'steered', '%s, %.0f s after the state was sent' % (labels, seen.get('seconds', 0)))
    check('it clears', seen.get('cleared') == {}, str(seen.get('cleared')))
    before, after, began, ended, end = [float(w) for w in text('storm.txt').split()]
    pins = sum(c['event'] in ('pin', 'unpin') for c in calls)
    # each takes about a second of the time that counts, half of which may be used
    check('a storm of calls: a few audits', pins == 200 and 1 <= after - before <= (end - began) / 2 + 1,
          '%d calls in %.0f s, %d audits in %.0f s' % (pins, ended - began, after - before, end - began))
    check('a domain that goes is forgotten', [r for r in events if r['event'] == 'gone' and r['name'] == 'steered'])
    check('emtd has no capability', re.search(r'CapEff:\s0+$', text('status.txt'), re.M))
    check('it leaves cleanly', text('emtd.rc').strip() == '0')
    return finish()


if __name__ == '__main__':
    lab.run(main)
