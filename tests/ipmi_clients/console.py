#!/usr/bin/env python3
"""usage: console.py pyghmi|pyipmi HOST PORT USER SUITE PRIVILEGE — a session of that library, one expression a line

The password stands in IPMI_PASSWORD. The first line of output tells whether the session is open; then each
line of input is a Python expression about the connection `c`, and each line of output what it is worth, in JSON.
"""
import json
import os
import sys
import warnings

warnings.simplefilter('ignore')
LIBRARY, HOST, PORT, USER, SUITE, PRIVILEGE = sys.argv[1:]
PASSWORD = os.environ['IPMI_PASSWORD']


def pyghmi():
    from pyghmi.ipmi import command
    return command.Command(bmc=HOST, userid=USER, password=PASSWORD, port=int(PORT), privlevel=int(PRIVILEGE))


def pyipmi():
    import pyipmi
    import pyipmi.interfaces
    made = pyipmi.interfaces.create_interface('rmcpplus', cipher_suite=int(SUITE), keep_alive_interval=0)
    c = pyipmi.create_connection(made)
    c.session.set_session_type_rmcp(HOST, int(PORT))
    c.session.set_auth_type_user(USER, PASSWORD)
    c.session.set_priv_level({'2': 'user', '4': 'administrator'}[PRIVILEGE])
    c.target = pyipmi.Target(ipmb_address=0x20)
    c.open()
    return c


def plain(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if hasattr(value, 'tobytes'):
        return value.tobytes().hex()
    return str(value)


def say(value):
    print(json.dumps(value, default=plain), flush=True)


def main():
    try:
        c = {'pyghmi': pyghmi, 'pyipmi': pyipmi}[LIBRARY]()
        say('open')
    except Exception as error:  # whatever a library makes of a refusal
        say({'error': repr(error)})
        return
    names = {'c': c}
    for line in sys.stdin:
        if line.strip() == 'close':
            break
        try:
            say(eval(line, names))
        except Exception as error:
            say({'error': repr(error)})
    c.ipmi_session.logout() if LIBRARY == 'pyghmi' else c.session.close()


main()
