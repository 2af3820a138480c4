#!/usr/bin/env python3
"""Second, independent RMCP+ peer built on pyghmi's server (pip install pyghmi).

  pypeer.py ADDR PORT LOGFILE      user admin/password, observer/watch20charpasswd0

Adds to pyghmi: cipher suite 17 (SHA-256) beside 3, RMCP/ASF presence pong, BMC watchdog
(06h/22h,24h,25h), PET Acknowledge 04h/17h with and without a session, recovery handshake 30h/70h
(00 armed, 01 started, 02 ended, 03 disarmed).
"""
import hashlib
import hmac
import os
import struct
import sys
import time
import uuid

import pyghmi.ipmi.bmc as bmc
import pyghmi.ipmi.private.serversession as ss
import pyghmi.ipmi.private.session as ps

SUITES = {(1, 1, 1): (3, hashlib.sha1, 12), (3, 4, 1): (17, hashlib.sha256, 16)}
LOG = None


def say(*words):
    print('%.6f' % time.time(), *words, file=LOG, flush=True)


class Session(ss.ServerSession):
    def mac(self, key, data):
        return hmac.new(key, bytes(data), self.currhashlib).digest()

    def create_open_session_response(self, r):
        self.clientsessionid = bytes(r[4:8])
        self.managedsessionid = os.urandom(4)
        want = (r[12], r[20], r[28])
        head = bytes([r[0]])
        if want not in SUITES:
            say('open-session refused algorithms', want)
            return bytearray(head + b'\x11\x00\x00' + self.clientsessionid)
        self.suite, self.currhashlib, self.currhashlen = SUITES[want]
        self.privlevel = 4
        body = b''.join(bytes([i, 0, 0, 8, a, 0, 0, 0]) for i, a in enumerate(want))
        say('open-session suite', self.suite)
        return bytearray(head + b'\x00\x04\x00' + self.clientsessionid + self.managedsessionid + body)

    def _got_rakp1(self, d):
        self.Rm, self.rolem = bytes(d[8:24]), d[24]
        self.maxpriv = self.rolem & 7
        self.username = bytes(d[28:28 + d[27]])
        pw = self.authdata.get(self.username.decode('latin1'))
        if pw is None:
            say('rakp1 unknown user', self.username)
            return self.send_payload(bytearray(bytes([d[0], 0x0d, 0, 0]) + self.clientsessionid), 0x13, retry=False)
        self.kuid = pw.encode()
        self.kg = self.kg or self.kuid
        self.Rc, self.uuiddata = os.urandom(16), self.uuid.bytes
        self.tail = bytes([self.rolem, len(self.username)]) + self.username
        code = self.mac(self.kuid, self.clientsessionid + self.managedsessionid + self.Rm + self.Rc + self.uuiddata + self.tail)
        self.send_payload(bytearray(bytes([d[0], 0, 0, 0]) + self.clientsessionid + self.Rc + self.uuiddata + code), 0x13, retry=False)

    def _got_rakp3(self, d):
        if d[1]:
            say('rakp3 client status 0x%02x' % d[1])
            return
        sik = self.mac(self.kg, self.Rm + self.Rc + self.tail)
        self.sik, self.k1, k2 = sik, self.mac(sik, b'\x01' * 20), self.mac(sik, b'\x02' * 20)  # 20 bytes for every hash
        self.aeskey = k2[:16]
        ok = hmac.compare_digest(bytes(d[8:]), self.mac(self.kuid, self.Rc + self.clientsessionid + self.tail))
        if not ok:
            say('rakp3 wrong code')
            return self.send_payload(bytearray(bytes([d[0], 0x0f, 0, 0]) + self.clientsessionid), 0x15, retry=False)
        self.localsid = struct.unpack('<I', self.managedsessionid)[0]
        self.ipmicallback = self.handle_client_request
        icv = self.mac(sik, self.Rm + self.managedsessionid + self.uuiddata)[:self.currhashlen]
        self.send_payload(bytearray(bytes([d[0], 0, 0, 0]) + self.clientsessionid + icv), 0x15, retry=False)
        self.confalgo, self.integrityalgo, self.sequencenumber = 'aes', 'sha', 1
        self.sessionid = struct.unpack('<I', self.clientsessionid)[0]
        say('session open suite', self.suite, 'user', self.username.decode('latin1'))


ss.ServerSession = Session


class Peer(bmc.Bmc):
    power, wd = 1, dict(init=0, run=0, use=0, act=0, pre=0, exp=0, ticks=0, end=0.0)

    def get_power_state(self):
        return self.power

    def send_device_id(self, session):  # pyghmi's own answer is 3 bytes too long for FreeIPMI
        session.send_ipmi_response(data=list(bytes.fromhex('2081010002bf570100341200000000')))

    def power_on(self):
        self.power = 1

    def power_off(self):
        self.power = 0

    def power_reset(self):
        say('chassis reset')

    def send_cipher_suites(self, myaddr, mylun, ca, cl, cs, data, sockaddr):
        recs = bytes.fromhex('c003014181c011034481')
        i = (data[22] & 0x3f) * 16
        self.reply(sockaddr, 0x07, 0x54, ca, cl, cs, myaddr, mylun, b'\x00\x01' + recs[i:i + 16])

    def reply(self, sockaddr, nf, cmd, ca, cl, cs, myaddr, mylun, body):
        a = bytes([ca, (nf << 2) | cl])
        b = bytes([myaddr, (cs << 2) | mylun, cmd]) + body
        ck = lambda x: bytes([-sum(x) & 0xff])
        p = a + ck(a) + b + ck(b)
        ps._io_sendto(self.serversocket, bytes.fromhex('0600ff07') + bytes(9) + bytes([len(p)]) + p, sockaddr)

    def sessionless_data(self, data, sockaddr):
        d = bytes(data)
        if d[:4] == b'\x06\x00\xff\x06' and d[4:8] == b'\x00\x00\x11\xbe' and d[8] == 0x80:
            say('presence ping tag', d[9])
            return ps._io_sendto(self.serversocket, b'\x06\x00\xff\x06\x00\x00\x11\xbe\x40' + d[9:10] + b'\x00\x10' +
                                 b'\x00\x00\x11\xbe' + bytes(4) + b'\x81' + bytes(7), sockaddr)
        if d[:5] == b'\x06\x00\xff\x07\x00' and len(d) > 20 and d[15] >> 2 == 4 and d[19] == 0x17:
            say('pet-ack session-less', d[20:-1].hex())
            return self.reply(sockaddr, 0x05, 0x17, d[17], d[18] & 3, d[18] >> 2, d[14], 0, b'\x00')
        super().sessionless_data(data, sockaddr)

    def handle_raw_request(self, q, s):
        nf, c, d, w = q['netfn'], q['command'], bytes(q['data']), self.wd
        say('cmd netfn=%02x cmd=%02x data=%s' % (nf, c, d.hex()))
        now = time.monotonic()
        if w['run'] and now >= w['end']:
            w['run'], w['exp'] = 0, w['exp'] | 1 << (w['use'] & 7)
            say('watchdog expired action', w['act'] & 7)
        if (nf, c) == (6, 0x24) and len(d) == 6:
            w.update(init=1, use=d[0] & 0x87, act=d[1], pre=d[2], exp=w['exp'] & ~d[3], ticks=d[4] | d[5] << 8,
                     run=w['run'] if d[0] & 0x40 else 0)
            if w['run']:
                w['end'] = now + w['ticks'] / 10
            return s.send_ipmi_response()
        if (nf, c) == (6, 0x22):
            if not w['init']:
                return s.send_ipmi_response(code=0x80)
            w.update(run=1, end=now + w['ticks'] / 10)
            return s.send_ipmi_response()
        if (nf, c) == (6, 0x25):
            left = round((w['end'] - now) * 10) if w['run'] else 0
            return s.send_ipmi_response(data=[w['use'] | (0x40 if w['run'] else 0), w['act'], w['pre'], w['exp'],
                                              w['ticks'] & 255, w['ticks'] >> 8, left & 255, left >> 8])
        if (nf, c) == (4, 0x17):
            return s.send_ipmi_response(code=0 if len(d) == 12 else 0xc7)
        if (nf, c) == (0x30, 0x70):
            words = ('recovery-armed', 'recovery-started', 'recovery-ended', 'recovery-disarmed')
            known = d and d[0] < len(words)
            say(words[d[0]] if known else 'recovery-?', d.hex())
            return s.send_ipmi_response(code=0 if known else 0xcc if d else 0xc7)
        super().handle_raw_request(q, s)


if __name__ == '__main__':
    addr, port, log = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    LOG = open(log, 'a')
    p = Peer({'admin': 'password', 'observer': 'watch20charpasswd0'}, port=port, address=addr,
             bmcuuid=uuid.UUID(hashlib.md5(addr.encode()).hexdigest()))
    say('ready')
    p.listen()
