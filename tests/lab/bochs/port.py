# SPDX-License-Identifier: GPL-2.0-or-later
"""The second serial port of a machine on Bochs as a conversation: what dom0 sends is kept
in a file, as without it, and looked at line by line while it comes; words go back."""
import socket
import threading
import time


class Port:
    """number: where the emulator connects to."""

    def __init__(self, log, on_line):
        """'log': file for all that comes; on_line(text) for each whole line."""
        self._server = socket.socket()
        self._server.bind(('127.0.0.1', 0))
        self._server.listen(1)
        self.number = self._server.getsockname()[1]
        self._peer = None
        self._log, self._on_line = log, on_line
        self._marks = []
        self._more = threading.Condition()
        self.ended = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        self._peer, _ = self._server.accept()
        rest = b''
        with open(self._log, 'ab', buffering=0) as f:
            while True:
                try:
                    data = self._peer.recv(65536)
                except OSError:
                    data = b''
                if not data:
                    break
                f.write(data)
                *lines, rest = (rest + data).split(b'\n')
                for line in lines:
                    self._take(line.decode('latin1').strip())
        with self._more:
            self.ended = True
            self._more.notify_all()

    def _take(self, line):
        self._on_line(line)
        if line.startswith('LAB '):
            with self._more:
                self._marks.append(line[4:])
                self._more.notify_all()

    def wait(self, word, seconds):
        """The words behind 'LAB word', once it came; None: it does not come."""
        end = time.time() + seconds
        with self._more:
            while True:
                for m in self._marks:
                    if m.split(' ')[0] == word:
                        return m[len(word) + 1:]
                    if m.split(' ')[0] == 'FAILED':
                        return None
                if self.ended or time.time() > end:
                    return None
                self._more.wait(0.5)

    def say(self, word):
        self._peer.sendall(word.encode() + b'\n')
