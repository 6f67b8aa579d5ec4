"""What people send who mean it no good, or whose programs are broken."""

LONG = "A" * 5_000
DEEP = '{"a":' * 5_000 + "1" + "}" * 5_000
DEEP_LIST = "[" * 20_000 + "]" * 20_000

TEXTS = [
    # operators of MongoDB, as texts and as their JSON
    '{"$ne": null}',
    '{"$gt": ""}',
    '{"$where": "sleep(5000)"}',
    "$where",
    "ann'; return true; var x='",
    "a.b.$.c",
    # SQL
    "' OR '1'='1",
    "1; DROP TABLE events; --",
    "'; SELECT pg_sleep(5); --",
    'ann" UNION SELECT state FROM events --',
    # headers, logs, paths, templates
    "x\r\nSet-Cookie: a=b",
    "x\nINFO forged line",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "${jndi:ldap://127.0.0.1/a}",
    "<script>alert(1)</script>",
    # formulas
    "=1+1",
    "@SUM(A1)",
    '=cmd|" /C calc"!A0',
    # numbers that are none, or too many
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999999",
    "9" * 4_000,
    "-1",
    "0x10",
    "1_000",
    "\u0661\u0662",
    # unicode
    "ann\u200b",
    "\u202eenn",
    "\ufeffann",
    "\uff41nn",
    "a\u0301" * 200,
    "\U0001f4b8",
    # nothing
    "\x00",
    "ann\x00bob",
    "\x7f",
    "",
    " ",
    LONG,
]

BODIES = [
    b"",
    b"null",
    b"0",
    b'"text"',
    b"[]",
    b"{}",
    b"{",
    b"NaN",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": 1e999999}',
    b'{"a": ' + b"9" * 10_000 + b"}",
    b'{"a": 1, "a": 2}',
    b'{"__proto__": {"admin": true}}',
    b"\xff\xfe\x00",
    b'{"a": "\xc3\x28"}',
    b'{"a": "\\ud800"}',
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    DEEP.encode(),
    DEEP_LIST.encode(),
]
