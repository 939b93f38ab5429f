"""An agent of the Agent Client Protocol that says and does as much as its task tells it to, for `bench_ui`.

The task says `events=10000 rate=200 seconds=60`: so many events as fast as they are written, then so many a second for so
many seconds. Five in a row are a text that is written piece by piece, and twice the call of a tool with its result.
"""

import json
import re
import sys
import time

TEXTS = [
    "I look at the next shelf, and count what is on it.",
    "**Shelf {n}** is *short* by two: the sum leaves out what is under way. `count_{n}` takes only what is there.",
    "I found the place:\n\n```rust\nfn count_{n}(shelf: &Shelf) -> usize {{\n    shelf.items.iter().filter(|item| "
    "item.is_there()).count()\n}}\n```\n\nIt leaves out what is under way, so I add it in the next step.",
    "What is left to do:\n\n1. count what is under way\n2. add a test for shelf {n}\n3. run all of them\n\n"
    "| shelf | there | under way |\n|---|---|---|\n| {n} | 12 | 2 |\n| next | 7 | 0 |",
]


def write(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def update(**fields):
    write(method="session/update", params={"sessionId": "s", "update": fields})


def five(n):
    text = TEXTS[n // 5 % len(TEXTS)].format(n=n)
    third = len(text) // 3 + 1
    for at in range(0, len(text), third):
        piece = {"type": "text", "text": text[at : at + third]}
        update(sessionUpdate="agent_message_chunk", messageId=f"m{n}", content=piece)
    for call in (n + 1, n + 3):
        # A screen tells by it how old what it shows is.
        command = f"cargo test shelf_{call} # {call}@{time.time() * 1000:.0f}"
        name = {"toolCallId": f"c{call}"}
        update(sessionUpdate="tool_call", title="Bash", status="pending", rawInput={"command": command}, **name)
        lines = "".join(f"test shelf_{call}::case_{line} ... \x1b[32mok\x1b[0m\n" for line in range(8))
        said = [{"type": "content", "content": {"type": "text", "text": lines}}]
        update(sessionUpdate="tool_call_update", status="completed", content=said, **name)


def turn(events, rate, seconds):
    for n in range(1, events, 5):
        five(n)
    sys.stdout.flush()
    began = time.monotonic()
    for n in range(0, rate * seconds, 5):
        time.sleep(max(0, began + n / rate - time.monotonic()))
        five(events + n + 1)
        sys.stdout.flush()


for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            result = {"protocolVersion": 1, "agentCapabilities": {}, "agentInfo": {"name": "bench", "version": "1"}}
        case "session/new":
            result = {"sessionId": "s"}
        case "session/prompt":
            turn(*map(int, re.search(r"events=(\d+) rate=(\d+) seconds=(\d+)", line).groups()))
            # What it came to.
            with open("shelves.txt", "w") as shelves:
                shelves.write("counted\n")
            result = {"stopReason": "end_turn"}
        case _:
            continue
    write(id=message["id"], result=result)
    sys.stdout.flush()
