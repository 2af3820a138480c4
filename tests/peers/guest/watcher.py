"""A second daemon of ours, on another server: it sees the guest by what the guest's BMC says over the LAN, and by nothing else."""

import os
import re
import signal
import subprocess
import uuid

from lab import BMC, GUEST, LATE, NOBODY, PASSWORD, SILENT, STRANGER, SYSTEM, USER, read, until, want

# To read a watchdog needs no more than a user. The watcher's own BMC is not there.
CONFIGURATION = f'''
[cluster]
name = "lab"
this_server = "server2"

[[server]]
name = "server1"
addresses = ["{GUEST}"]
[server.bmc]
address = "{BMC}"
user = "{USER}"
password = "{PASSWORD}"
cipher_suites = [17, 3]
privilege = "user"
handshake = "none"
guid = "{uuid.UUID(bytes=SYSTEM.bytes_le)}"

[[server]]
name = "server2"
addresses = ["{STRANGER}"]
[server.bmc]
address = "{NOBODY}"
handshake = "none"

[heartbeat]
lan = ["another"]
interval = "500ms"
timeout = "{SILENT}s"
warning = {LATE * 100 // SILENT}
pulse = false

[journal]
hot = false
disk = false
'''
# What each verdict entitles to.
TAKE_OVER = {"alive": "no", "delayed": "no", "booting": "no", "silent": "fence first", "powered": "no answer", "left": "no answer"}


class Watcher:
    def __init__(self, folder, binary):
        self.path = os.path.join(folder, "watcher")
        with open(self.path + ".toml", "w") as file:
            file.write(CONFIGURATION)
        os.chmod(self.path + ".toml", 0o600)
        with open(self.path, "w") as out:
            self.process = subprocess.Popen([binary, "run", "--verbose", "--config", self.path + ".toml"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def log(self):
        return read(self.path)

    def words(self):
        """What it has said of the guest, word by word; "restarted" where it says that."""
        want(self.process.poll() is None, f"the watcher ended: {self.log()[-2000:]}")
        said, last = [], None
        for line in self.log().split("\n")[:-1]:
            verdict = re.search(r"heartbeat: server1 is ([^;]+)(?:; take over: (.*))?$", line)
            if verdict:
                word, entitles = verdict[1], verdict[2]
                want(word not in TAKE_OVER or entitles.startswith(TAKE_OVER[word] + ", "), f"what it entitles to: {line}")
                # A restart is told with the verdict, which may be what it was.
                said += [word] if word != last else []
                last = word
            elif re.search(r"heartbeat: server1 has restarted; seen [0-9]+ times", line):
                said.append("restarted")
        return said

    def mark(self):
        return len(self.words())

    def now(self, word):
        """It says so at present, or will soon; the place of that word."""
        until(lambda: self.words()[-1:] == [word], f"the guest is seen as {word}")
        return self.mark() - 1

    def tells(self, since, *story, between=()):
        """From `since` on it says this, in this order, and nothing else but what may stand `between`."""
        def heard():
            words = [word for word in self.words()[since:] if word not in between or word in story]
            want(words == list(story[:len(words)]), f"{words} is said, and not {story}")
            return len(words) == len(story)
        until(heard, f"the watcher says {story}")

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
