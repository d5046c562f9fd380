#!/usr/bin/env python3
"""Writes fuzz/seeds/<target>/ from the test vectors. Run it again when vectors change; commit the result."""

import base64
import hashlib
import io
import json
import os
import shutil
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "Tests", "WireTests", "Vectors")
SEEDS = os.path.join(HERE, "seeds")


def vector(name, series="01"):
    with open(os.path.join(VECTORS, f"{series}-{name}.json"), encoding="utf-8") as file:
        return json.load(file)


def seed(target, data):
    if isinstance(data, str):
        data = data.encode()
    folder = os.path.join(SEEDS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(data).hexdigest()[:16]), "wb") as file:
        file.write(data)


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derp():
    frames = vector("derp-frames")
    stream = b""
    for frame in frames["frames"]:
        data = bytes.fromhex(frame["hex"])
        seed("derp-frames", data)
        stream += data
    seed("derp-frames", stream)
    for name in ("client_info_json_sent_by_derphole", "client_info_json_without_ack_pings",
                 "server_info_json", "server_info_json_with_rate_limit"):
        seed("derp-info", frames[name])
    seed("derp-info", '{"meshKey":"%s","version":2,"CanAckPings":true,"IsProber":true}' % ("ab" * 32))
    for name in ("http_101_response", "http_request_plain", "http_request_tls_fast_start",
                 "http_request_tls_port"):
        seed("upgrade", frames[name])
    seed("upgrade", "HTTP/1.1 426 Upgrade Required\nContent-Length: 3\n\nno\n")


def tokens():
    cases = vector("tokens")
    for case in cases["valid"]:
        seed("session-token", case["token"])
        seed("session-token", bytes.fromhex(case["raw_hex"])[:-4])
    for case in cases["decode_cases"]:
        seed("session-token", case["token"])
    routes = vector("derp-routes")
    for case in routes["env_values"]:
        seed("route", case["env_value"])
    for case in routes["wire_cases"]:
        seed("route", bytes.fromhex(case["wire_hex"]))
    seed("route", "http://127.0.0.1:3340/derp")
    derptun = vector("derptun-tokens")
    for name in ("public", "public_with_forwards", "custom_derp_example_com_8443"):
        for part in ("client_token", "server_token", "server_token_json"):
            seed("derptun", derptun[name][part])
        seed("derptun", bytes.fromhex(derptun[name]["client_token_raw_hex"]))
    # Version 3, which is ours.
    custom = derptun["custom_derp_example_com_8443"]
    seed("derptun", b"\x03" + bytes.fromhex(custom["client_token_raw_hex"])[1:] + b"\x01")
    seed("derptun", custom["server_token_json"].replace('"version":2', '"version":3')[:-1] + ',"derp_plain_http":true}')
    for case in derptun["decode_cases"]:
        if case["error"]:
            seed("derptun", case["token"])


def envelopes():
    cases = vector("envelopes")
    for case in cases["envelopes"]:
        seed("envelope", bytes.fromhex(case["wire_hex"]))
    for case in cases["canonical_form_cases"] + cases["verify_cases"]:
        seed("envelope", case["wire"])
    for case in cases["payload_classification"]:
        seed("envelope", bytes.fromhex(case["payload_hex"]))
    for case in vector("claims")["claims"]:
        seed("envelope", case["envelope"]["wire"])
    numbers = json.dumps(list(range(32)), separators=(",", ":"))
    short = json.dumps(list(range(16)), separators=(",", ":"))
    mac = '"mac":"%s"' % ("A" * 43)
    for features, relay in (("", ""), (',"features":["a","b-1"]', ',"relay_only":true')):
        seed("native-messages", f'{{"type":"native_claim",{mac},"native_claim":{{"version":1,"session_id":{short},'
             f'"derp_public":{numbers},"ephemeral_public":{numbers},"capabilities":385{features}{relay},'
             f'"nonce":{short}}}}}')
        seed("native-messages", f'{{"type":"native_decision",{mac},"native_decision":{{"version":1,'
             f'"claim_digest":{numbers},"accepted":true,"ephemeral_public":{numbers}{features}{relay}}}}}')
    seed("native-messages", f'{{"type":"native_decision",{mac},"native_decision":{{"version":1,'
         f'"claim_digest":{numbers},"accepted":false,"reject":{{"code":"claimed","reason":"taken"}}}}}}')
    seed("native-messages", bytes(range(1, 100)) + b"feature-a,feature-b")


def addresses():
    stun = vector("stun")
    seed("stun", bytes.fromhex(stun["request_hex"]))
    for case in stun["responses"]:
        seed("stun", bytes.fromhex(case["hex"]))
    for case in vector("candidates")["cases"]:
        seed("candidate", case["candidate"])
    for text in ("1:2:3:4:5:6:7:8", "2001:db8::1:0:0:1", "::ffff:1.2.3.4", "fe80::1%eth0", "64:ff9b::1.2.3.4"):
        seed("candidate", text)
    regions = vector("static-derp-map")["Regions"]
    for name in ("1", "3"):
        seed("derp-map", json.dumps({"Regions": {name: regions[name]}}, separators=(",", ":")))
    seed("derp-map", vector("derp-routes")["derp_map_for_https_derp_example_com_8443"])
    seed("derp-map", '{"Regions":{"7":null,"8":{"RegionID":8,"Avoid":true,"Nodes":[{"Name":"a","IPv4":"none",'
         '"IPv6":"2001:db8::1","STUNPort":-1,"STUNOnly":true,"STUNTestIP":"127.0.0.1","DERPPort":70000}]}}}')


def session_frames():
    def header(kind, number, offset):
        return bytes([0xB1, kind, 0, 0]) + number.to_bytes(8, "big") + offset.to_bytes(8, "big")
    seed("session-frame", header(1, 5, 65536) + bytes(32))
    for kind in range(2, 13):
        seed("session-frame", header(kind, kind, 0) + bytes(24))
    seed("session-frame", (4096).to_bytes(8, "big"))
    seed("session-frame", (1).to_bytes(2, "big") + b"cancelled by the user")
    for count in (0, 1, 3):
        body = (4096).to_bytes(8, "big") + (1 << 20).to_bytes(8, "big") + (250).to_bytes(4, "big") + bytes([0, count])
        for index in range(count):
            upper = 100 - 10 * index
            body += (upper - 4).to_bytes(8, "big") + upper.to_bytes(8, "big")
        seed("session-frame", body)
    v4 = bytes([4, 192, 0, 2, 1]) + (4242).to_bytes(2, "big")
    v6 = bytes([6]) + bytes.fromhex("20010db8000000000000000000000001") + (4242).to_bytes(2, "big")
    for mapping, flags, candidates, ports in ((0, 0, [], []), (1, 1, [v4, v6], []), (2, 1, [v4], [40000, 40001, 0])):
        body = (7).to_bytes(4, "big") + bytes([mapping, flags, len(candidates)]) + b"".join(candidates)
        body += bytes([len(ports)]) + b"".join(port.to_bytes(2, "big") for port in ports)
        seed("session-frame", body)


def pcp():
    client = bytes(10) + b"\xff\xff" + bytes([192, 168, 1, 20])
    nonce = bytes(range(1, 13))
    def mapping(external_port, address):
        return nonce + bytes([17, 0, 0, 0, 0x13, 0x88]) + external_port.to_bytes(2, "big") + address
    nothing = bytes(10) + b"\xff\xff" + bytes(4)
    external = bytes(10) + b"\xff\xff" + bytes([203, 0, 113, 7])
    seed("pcp", bytes([2, 0, 0, 0]) + bytes(4) + client)
    seed("pcp", bytes([2, 0x80, 0, 0]) + bytes(4) + (77).to_bytes(4, "big") + bytes(12))
    for lifetime in (0, 7200):
        seed("pcp", bytes([2, 1, 0, 0]) + lifetime.to_bytes(4, "big") + client + mapping(0, nothing))
        seed("pcp", bytes([2, 0x81, 0, 0]) + lifetime.to_bytes(4, "big") + (77).to_bytes(4, "big") + bytes(12)
             + mapping(5000, external))
    seed("pcp", bytes([2, 0x81, 0, 12]) + (30).to_bytes(4, "big") + bytes(16) + mapping(0, nothing) + bytes([2, 0, 0, 0]))
    seed("pcp", bytes([0, 0x81, 0, 1]) + bytes(4))


def names():
    for text in ("a/b c/d.txt\0../x", "d/e/l\0../../f", "..", "é/e\u0301", "straße", "x.derphole-partial", ".git",
                 "\u202egpj.exe", "👩\u200d👩\u200d👧", "a/\na/b\na/c/\na/c/d\ne", "d/\nD", "/etc/passwd", "a//b"):
        seed("names", text)


def display_text():
    for text in ("report.pdf", "\u202egpj.exe", "\x1b[2J\x1b]0;x\x07", "e" + "\u0301" * 9, "\u0301x", "日本語 \u3000ｆ",
                 "👩\u200d👩\u200d👧 ❤\ufe0f", "a\u00a0b\u2028c\u0085d", "\u3164\u2800\u00ad\U000e0041", "각",
                 "क्षि", "x" * 250):
        seed("display-text", text)
    seed("display-text", b"a\xff\xed\xa0\x80\xc0\xafb")


def tar_entry(archive, name, kind=tarfile.REGTYPE, content=b"", link=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.linkname, entry.mode, entry.mtime = kind, len(content), link, 0o4755, 1_000_000_000
    archive.addfile(entry, io.BytesIO(content))


def tar():
    """What Tests/ReactorTests/Properties/ArchiveTarget.swift announces, and what differs from it."""
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        for hostile in ("", "../f", "/f", "hard link", "device", "link", "é" * 60, "x" * 200):
            file = io.BytesIO()
            with tarfile.open(fileobj=file, mode="w", format=form) as archive:
                tar_entry(archive, "d", tarfile.DIRTYPE)
                if hostile == "hard link":
                    tar_entry(archive, "d/f", tarfile.LNKTYPE, link="/etc/passwd")
                elif hostile == "device":
                    tar_entry(archive, "d/f", tarfile.CHRTYPE)
                elif hostile == "link":
                    tar_entry(archive, "d/f", tarfile.SYMTYPE, link="../..")
                elif hostile and form == tarfile.USTAR_FORMAT and len(hostile) > 50:
                    continue
                else:
                    tar_entry(archive, hostile or "d/f", content=b"abc")
                tar_entry(archive, "d/l", tarfile.SYMTYPE, link="f")
                tar_entry(archive, "e", content=b"x" * 600)
            seed("tar", b"\0" + file.getvalue()[:6144])
def transfer():
    def number(value, length):
        return value.to_bytes(length, "big", signed=value < 0)
    def message(kind, body):
        return bytes([kind]) + number(len(body), 4) + body
    def offer(kind, size, name=b"", entries=0, flags=0):
        return message(1, bytes([1, kind, flags]) + number(0o644, 2) + number(entries, 4) + number(size, 8)
                       + number(1_700_000_000, 8) + number(5, 4) + bytes([len(name)]) + name)
    def entry(kind, path, size=0, target=None):
        body = bytes([kind]) + number(0o755, 2) + number(size, 8) + number(-3, 8) + number(999_999_999, 4)
        for text in [path] + ([target] if target is not None else []):
            body += number(len(text), 2) + text
        return body
    none = (1 << 64) - 1
    seed("transfer", offer(1, 5) + message(4, number(5, 8)) + message(5, b"\0"))
    seed("transfer", offer(2, 3 << 20, "Übung 1.txt".encode(), flags=1) + message(3, number(0, 4) + number(1, 8)
         + bytes(range(64))) + message(4, number(1 << 20, 8)) + message(5, b"\1" + bytes(range(32))))
    seed("transfer", offer(3, 9, b"folder", 3) + message(2, entry(0, b"a") + entry(1, b"a/b.c", 9)
         + entry(2, b"a/l", 0, b"../b")))
    seed("transfer", offer(4, 0, b"", 1) + message(2, entry(1, b"x")) + offer(5, none))
    seed("transfer", message(0x81, b"\1" + number(0, 8) + number(7 << 20, 8)))
    seed("transfer", message(0x82, b"\0" + number(0, 8) + number(1, 8) + number(2, 8) + number(9, 8)) + message(0x82, b"\1"))


def ssh_keys():
    def field(content):
        return len(content).to_bytes(4, "big") + content
    def line(kind, *fields, comment=b" root@vm"):
        return kind + b" " + base64.b64encode(field(kind) + b"".join(field(part) for part in fields)) + comment
    ed25519 = line(b"ssh-ed25519", bytes(range(32)))
    for text in (ed25519, line(b"ssh-rsa", b"\1\0\1", b"\0\xc1" + bytes(255)),
                 line(b"ecdsa-sha2-nistp256", b"nistp256", b"\4" + bytes(64)),
                 line(b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:", comment=b""),
                 b"restrict,command=\"x\" " + ed25519 + b"\n# note\n", b"-----BEGIN OPENSSH PRIVATE KEY-----"):
        seed("ssh-keys", text)
        seed("ssh-keys", b"\1" + text)
    bare = ed25519.rsplit(b" ", 1)[0]
    for content in (b"", b"# mine\nssh-rsa AAAA no end", b"from=\"a b\",command=\"say \\\"x\\\"\" " + bare,
                    b"cert-authority " + bare + b"\r\n", b"command=\"" + bare + b"\n"):
        seed("ssh-keys", ed25519 + b"\n" + content)
    seed("ssh-keys", b"\1\0" + b"".join(len(text).to_bytes(2, "big") + text for text in (
        b"deploy", b"vps", b"", b"ssh-ed25519 SHA256:x")))


def tunnels():
    registry = vector("registry", "02")["file_text"]
    seed("service-registry", registry)
    seed("service-registry", json.dumps(json.loads(registry), separators=(",", ":")))
    seed("service-registry", '{"version":1,"records":{"a":{"version":1,"name":"a","kind":"derpssh-invite",'
         '"value":"DSH1\\"<>&[{,:\u2028","created_unix":-1},"a":null}}')
    ids = ("0123456789abcdef0123456789abcdef", "FEDCBA9876543210FEDCBA9876543210")
    seed("revocation-list", "# lost\n%s\n\n \t%s # Bob\r\n#%s\n" % (ids + ids[:1]))
    seed("revocation-list", "\n".join(ids))
    seed("revocation-list", ids[0] + "\nclient-01234567\n")


def tunnel_status():
    client = {"name": "client-01020304", "clientID": "01" * 16, "tokenID": "02" * 16, "connectedUnixSeconds": 1800000000,
              "path": "direct", "address": "192.0.2.1:4242", "roundTripMicroseconds": 12345, "bytesIn": 1, "bytesOut": 2**64 - 1,
              "connections": 1, "connectionsTotal": 2, "udpFlows": 3, "datagramsTooLarge": 4, "expiresUnixSeconds": 1900000000}
    status = {"name": "serve-7", "role": "serve", "pid": 7, "target": "127.0.0.1:22", "relayState": "lost",
              "clients": [client, client | {"bytesOut": 9}], "counters": {"claimsTaken": 2, "refusals": [
                  {"reason": "expired", "count": 2}]}, "lastError": "a\\\"b\n"}
    for reply in ({"status": status}, {"status": {"role": "open", "listening": ["127.0.0.1:0"]}}, {"error": "unknown request"}):
        seed("tunnel-status", json.dumps(reply, separators=(",", ":")))


def flow_datagrams():
    for number in (b"\x25", b"\x7b\xbd", b"\x9d\x7f\x3e\x7d", b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", b"\x40\x25"):
        seed("flow-datagram", number)
        seed("flow-datagram", number + b"\x12\x34\x01\x00\x00\x01")


def lanes():
    striping = vector("lanes", "02")
    for text in list(striping["native_headers"].values()) + [one["hex"] for one in striping["native_header_verdicts"]]:
        seed("lane-header", bytes.fromhex(text))
    for case in striping["striping_receiver"]:
        for lane in case["lanes"]:
            seed("lane-chunk", bytes.fromhex(lane))


def main():
    shutil.rmtree(SEEDS, ignore_errors=True)
    derp()
    tokens()
    envelopes()
    addresses()
    session_frames()
    pcp()
    names()
    display_text()
    tar()
    transfer()
    ssh_keys()
    tunnels()
    tunnel_status()
    flow_datagrams()
    lanes()


main()
