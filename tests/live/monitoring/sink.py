"""Takes alerts by webhook and by mail, and writes each one down. Runs on the operations host: standard library alone.

    python3 -I sink.py ADDRESS WEBHOOK_PORT SMTP_PORT FOLDER REFUSALS

Both channels use TLS. Who does not know the webhook's token or the mail password is refused, and so are the first
REFUSALS mails.
"""

import asyncio
import base64
import email
import email.policy
import json
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

SECRETS = Path("/etc/dingli/secrets")
PKI = Path("/etc/dingli/pki")


class Sink:
    def __init__(self, folder: Path, refusals: int) -> None:
        self.file = (folder / "received.jsonl").open("a", encoding="utf-8", buffering=1)
        self.refusals = refusals
        url = urlsplit((SECRETS / "alert-webhook.url").read_text().strip())
        self.target = f"{url.path}?{url.query}"
        self.password = (SECRETS / "alert-email.password").read_text().strip()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(PKI / "monitor.crt", PKI / "monitor.key")

    def keep(self, channel: str, alert: str, status: str, text: str) -> None:
        self.file.write(json.dumps({"channel": channel, "alert": alert, "status": status, "text": text}) + "\n")

    async def webhook(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests of one connection; Alertmanager keeps it open."""
        while line := (await reader.readline()).decode():
            method, target, _ = line.split()
            size = 0
            while (header := (await reader.readline()).decode().strip()) != "":
                name, _, value = header.partition(":")
                size = int(value) if name.lower() == "content-length" else size
            body = await reader.readexactly(size)
            welcome = method == "POST" and target == self.target
            for alert in json.loads(body)["alerts"] if welcome else ():
                told = alert["annotations"]
                text = f"{told['summary']} | {told['runbook']}"
                self.keep("webhook", alert["labels"]["alertname"], alert["status"], text)
            writer.write(f"HTTP/1.1 {'200 OK' if welcome else '403 Forbidden'}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async def mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = known = False
        writer.write(b"220 sink ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    answer = "250-sink\r\n250 AUTH PLAIN" if secure else "250-sink\r\n250 STARTTLS"
                case "STARTTLS":
                    writer.write(b"220 go ahead\r\n")
                    await writer.drain()
                    await writer.start_tls(self.context)
                    secure = True
                    continue
                case "AUTH":
                    known = secure and base64.b64decode(rest.split()[1]).decode().split("\0")[2] == self.password
                    answer = "235 welcome" if known else "535 wrong password"
                case "MAIL" if not known:
                    answer = "530 authenticate first"
                case "MAIL" if self.refusals > 0:
                    self.refusals -= 1
                    answer = "451 not now"
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    self.keep_mail(await reader.readuntil(b"\r\n.\r\n"))
                    answer = "250 kept"
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    answer = "250 ok"
            writer.write(answer.encode() + b"\r\n")
            await writer.drain()
        writer.close()

    def keep_mail(self, data: bytes) -> None:
        message = email.message_from_bytes(data.removesuffix(b".\r\n"), policy=email.policy.default)
        # [FIRING] lab: NoLeader of alpha
        status, _, alert, *_ = message["Subject"].split()
        part = message.get_body(("plain",))
        self.keep("email", alert, status.strip("[]").lower(), part.get_content() if part is not None else "")


async def main(address: str, webhook_port: str, smtp_port: str, folder: str, refusals: str) -> None:
    sink = Sink(Path(folder), int(refusals))
    await asyncio.start_server(sink.mail, address, int(smtp_port))
    server = await asyncio.start_server(sink.webhook, address, int(webhook_port), ssl=sink.context)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
