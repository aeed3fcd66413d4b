"""A broker process on a settings file, for tests of plugins."""
import json
import os
import subprocess


class Broker:
    """`PROGRAM run` in `folder` with `text` as its settings; gone at the end of the `with`."""

    def __init__(self, program, folder, text):
        self.program = program
        self.folder = folder
        self.endpoint = f"ipc://{folder}/main.sock"
        self.admin = f"ipc://{folder}/admin.sock"
        self.file = os.path.join(folder, "broker.yaml")
        with open(self.file, "w", encoding="utf-8") as out:
            out.write(f"yardmaster: 1\nlisteners: {{main: {{bind: ['{self.endpoint}']}}}}\n"
                      f"admin: {{bind: '{self.admin}'}}\nstore: {{plugin: memory}}\n{text}")

    def __enter__(self):
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([self.program, "run", self.file], stdout=subprocess.PIPE, stderr=self.log,
                                        text=True)
        for line in self.process.stdout:
            if line.startswith("Stop it"):
                return self
        raise AssertionError("the broker did not start: " + self.said())

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def said(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def send(self, *options, text="x\n"):
        """The exit code of `send`, and what it says."""
        done = subprocess.run([self.program, "send", "--endpoint", self.endpoint, *options], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        return done.returncode, done.stdout

    def status(self):
        done = subprocess.run([self.program, "status", "--admin", self.admin, "--json"], capture_output=True, text=True,
                              timeout=60, check=True)
        return json.loads(done.stdout)

    def ready(self):
        """The messages that are ready in each queue."""
        return {queue["name"]: queue["ready"] for queue in self.status()["queues"]}
