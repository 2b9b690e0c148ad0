#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: wire.py SOCKET WHAT [ARG...]
A client of emtd that does what emtctl never would; prints what came back."""
import json
import socket
import sys
import time


class Client:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(20)
        self.s.connect(path)
        self.f = self.s.makefile('rb')
        self.hello = json.loads(self.f.readline())['hello']

    def send(self, obj):
        self.s.sendall(json.dumps(obj).encode() + b'\n')

    def line(self):
        try:
            text = self.f.readline()
        except ConnectionResetError:  # it closed with words of ours unread
            text = b''
        return json.loads(text) if text else None

    def run(self, *words, ident=1):
        self.send({'id': ident, 'verb': 'run', 'words': list(words)})

    def end(self):
        """All up to the end: its line, and the bytes that came."""
        n = 0
        while True:
            reply = self.line()
            if reply is None or 'end' in reply or 'error' in reply:
                return reply, n
            n += len(reply.get('out', '').encode())


def text(obj):
    return json.dumps(obj, separators=(',', ':'))


def main():
    path, what, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    c = Client(path)
    if what == 'run':
        c.run(*args)
        reply, n = c.end()
        print(text(reply), n)
    elif what == 'raw':  # bytes as they are; then all that comes until it closes
        c.s.sendall(args[0].encode().decode('unicode_escape').encode('latin1') * int(args[1] if len(args) > 1 else 1))
        print(text(c.line()), text(c.line()))
    elif what == 'ping':
        c.send({'id': 7, 'verb': 'ping'})
        print(text(c.line()), text(c.hello))
    elif what == 'busy':
        c.run('facts', '5')
        c.run('facts', '5', ident=2)
        replies = [c.end()[0], c.end()[0]]
        print(text(sorted(replies, key=lambda r: r['id'])))
    elif what == 'cancel':
        c.run('facts', '5')
        time.sleep(0.3)
        c.send({'id': 1, 'verb': 'cancel'})
        print(text(c.end()[0]))
    elif what == 'slow':  # asks, does not read for a while, then reads all
        c.run('facts', '5')
        time.sleep(float(args[0]))
        print('waiting', flush=True)
        sys.stdin.readline()
        reply, n = c.end()
        print(text(reply), n)
    elif what == 'many':  # connections that ask nothing
        others = []
        refused = 0
        for _ in range(int(args[0])):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20)
            s.connect(path)
            refused += b'error' in s.recv(4096)
            others.append(s)
        print(refused)


main()
