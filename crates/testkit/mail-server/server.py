"""A mail server for tests: aiosmtpd on a free port of the loopback.

Reads how to be as one line of JSON, says its port on one, then each message as a mail reader shows it, one line each.
Ends when its input does, which is when the test process ends in whatever way. The name of a recipient says what happens
to a message: `refused` is refused for good, `later` for now and taken the second time, `hang` is never answered.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self):
        self.came_later = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "refused":
            return f"550 5.1.1 <{address}>: no such mailbox"
        if name == "later" and address not in self.came_later:
            self.came_later.add(address)
            return "451 4.7.1 try again later"
        if name == "hang":
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        part = lambda kind: message.get_body(preferencelist=(kind,))
        content = lambda part: part.get_content() if part else None
        arrived = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name.lower(), str(value)] for name, value in message.items()],
            "text": content(part("plain")),
            "html": content(part("html")),
            "defects": [str(defect) for piece in message.walk() for defect in piece.defects],
            "isEncrypted": server.transport.get_extra_info("ssl_object") is not None,
            "isAuthenticated": session.authenticated is True,
        }
        print(json.dumps(arrived), flush=True)
        return "250 OK"


async def main():
    settings = json.loads(sys.stdin.readline())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"], settings["key"])
    starts_tls = settings["tls"] == "start"
    options = {"enable_SMTPUTF8": settings["understandsUtf8"], "hostname": "mail.example.org"}
    if starts_tls:
        options |= {"tls_context": context, "require_starttls": True}
    if settings["password"] is not None:

        def authenticate(server, session, envelope, mechanism, given):
            expected = (settings["user"].encode(), settings["password"].encode())
            return AuthResult(success=(given.login, given.password) == expected, handled=False)

        # What is encrypted from the first byte on is not known to the protocol as such.
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": starts_tls}
    handler = Handler()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: SMTP(handler, loop=loop, **options),
        "127.0.0.1",
        0,
        ssl=context if settings["tls"] == "implicit" else None,
    )
    print(listener.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
