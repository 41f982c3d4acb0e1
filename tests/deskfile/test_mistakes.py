"""Every kind of mistake in a desk file, with the line and the words it is told with.

A case replaces one part of the reference configuration; § stands on the line that the mistake must name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pult.channels.registry import TYPES
from pult.deskfile.parse import BadDocument, parse

EXAMPLE = (Path(__file__).parents[2] / "docs" / "desk.toml").read_text()
END = "public = true }]\n"  # the end of the file: more tables may follow

CASES = {
    # The file and its tables
    "syntax": ('role = "agent"', "§role = agent", "Invalid value (column 8)"),
    "syntax at the end": (END, END + '§x = "', "Unterminated string (at the end of the file)"),
    "a key twice": ('name = "Anna"', 'name = "Anna"\n§name = "Ann"', "Cannot overwrite a value (column 13)"),
    "unknown table": ('[[trigger]]\nkey = "hello"', '§[[macro]]\nkey = "m"\n[[trigger]]\nkey = "hello"',
        "[[macro]]: unknown table (known: company, group, agent, channel, field, client, schedule, sla, trigger)"),
    "unknown plain key": ("[company]", '§desk = "x"\n[company]',
        "desk: unknown table (known: company, group, agent, channel, field, client, schedule, sla, trigger)"),
    "one bracket": (END, END + "§[holidays]\nx = 1",
        "[holidays]: unknown table (known: company, group, agent, channel, field, client, schedule, sla, trigger)"),
    "company twice": ("[company]", "§[[company]]", "company should be one table: [company]"),
    # [company]
    "unknown key of the company": ('language = "en"', '§lang = "en"',
        "[company]: lang: unknown key (known: key, name, timezone, language)"),
    "unknown language": ('language = "en"', '§language = "de"', '[company]: language "de": should be one of en, ru'),
    "unknown time zone": ('timezone = "Europe/Moscow"          #', '§timezone = "Europe/Moskau" #',
        '[company]: timezone "Europe/Moskau": no such time zone (an IANA name such as Europe/Moscow)'),
    "time zone that is a path": ('timezone = "Europe/Moscow"          #', '§timezone = "../etc" #',
        '[company]: timezone "../etc": no such time zone (an IANA name such as Europe/Moscow)'),
    "wrong type": ('name = "Northwind Bikes"', "§name = 5", "[company]: name 5: should be text"),
    "too long": ('name = "Northwind Bikes"', f'§name = "{"x" * 256}"',
        f'[company]: name "{"x" * 56}...: longer than 255 characters'),
    "NUL": ('name = "Northwind Bikes"', '§name = "a\\u0000b"', '[company]: name "a\\u0000b": holds control characters'),
    "blank": ('name = "Northwind Bikes"', '§name = "  "', '[company]: name "  ": is empty'),
    # [[group]], [[agent]]
    "no key": ('key = "billing"\nname = "Billing"', 'name = "Billing"', None),
    "key twice": ('key = "boris"', '§key = "anna"',
        '[[agent]] "anna": key "anna": the [[agent]] on line {line:[[agent]]} has it already'),
    "no name": ('key = "anna"\nname = "Anna"\n', 'key = "anna"\n', None),
    "unknown key": ('role = "admin"', '§phone = "1"\nrole = "admin"',
        '[[agent]] "anna": phone: unknown key (known: key, name, email, role, groups, default_group, password, rights)'),
    "wrong e-mail": ('email = "anna@northwind.example"', '§email = "anna.northwind.example"',
        '[[agent]] "anna": email "anna.northwind.example": is no e-mail address'),
    "two with one e-mail": ('email = "boris@northwind.example"', '§email = "Anna@Northwind.example"',
        '[[agent]] "boris": email "anna@northwind.example": [[agent]] "anna" has it already'),
    "unknown role": ('role = "agent"', '§role = "boss"', '[[agent]] "boris": role "boss": should be one of admin, agent, observer'),
    "no such group": ('default_group = "support"\nrights', '§default_group = "suport"\nrights',
        '[[agent]] "boris": default_group "suport": no such group (known: billing, support)'),
    "default group not among the groups": ('default_group = "support"\nrights', '§default_group = "billing"\nrights',
        '[[agent]] "boris": default_group "billing": is not among the agent\'s groups'),
    "no such group in a list": ('groups = ["support", "billing"]', 'groups = [\n  "support",\n  §"sales",\n]',
        '[[agent]] "anna": groups "sales": no such group (known: billing, support)'),
    "a group twice": ('groups = ["support", "billing"]', 'groups = ["support",\n§"support"]',
        '[[agent]] "anna": groups "support": stands there twice'),
    "groups is text": ('groups = ["support", "billing"]', '§groups = "support"',
        '[[agent]] "anna": groups "support": should be a list of texts'),
    "unknown right": ('mail = "read" }', '§mail = "all" }', '[[agent]] "boris": rights.mail "all": should be one of write, read, none'),
    "right to an unknown channel": ('mail = "read" }', '§fax = "read" }',
        '[[agent]] "boris": rights.fax: no such channel (known: api, mail, telegram, viber, whatsapp, whatsapp_infobip, whatsapp_landbot)'),
    "rights is text": ('rights = { api = "write", mail = "read" }', '§rights = "write"',
        '[[agent]] "boris": rights "write": should be a table'),
    "password too short": ('password = "change me on first login"', '§password = "1234567"',
        '[[agent]] "anna": password: shorter than 8 characters'),
    # [[channel]]
    "unknown channel type": ('type = "email"', '§type = "mail"',
        ('[[channel]] "mail": type "mail": should be one of api, email, whatsapp_pact, telegram_pact, whatsapp_infobip,'
        ' whatsapp_landbot, viber_chat2desk, telegram_bot, whatsapp_cloud, viber_bot')),
    "token with blanks": ('token = "e1cbe1c1c9d910ef2ae975215644cb53dd555de4"', '§token = "e1cbe1c1 c9d910ef2ae975"',
        '[[channel]] "api": token: should be 16 to 255 letters, digits and signs without blanks'),
    "one token for two": ('email = "support@northwind.example"', 'email = "support@northwind.example"\n§token = "e1cbe1c1c9d910ef2ae975215644cb53dd555de4"',
        '[[channel]] "mail": token: [[channel]] "api" has it already'),
    "no such default agent": ("smtp = { host", '§default_agent = "ann"\nsmtp = { host',
        '[[channel]] "mail": default_agent "ann": no such agent (known: anna, boris)'),
    "a mailbox's unknown key": ('imap = { host = "127.0.0.1"', '§imap = { hots = "x", host = "127.0.0.1"',
        '[[channel]] "mail": imap: object contains unknown field hots'),
    "key of another type": ('webhook_format = "json"', '§smtp = { host = "h", port = 25 }\nwebhook_format = "json"',
        '[[channel]] "api": smtp: is not for a channel of type api, but for email'),
    "settings inline": ('webhook_format = "json"', '§settings = {}\nwebhook_format = "json"',
        ('[[channel]] "api": settings: is not for a channel of type api, but for whatsapp_pact, telegram_pact, whatsapp_infobip,'
        ' whatsapp_landbot, viber_chat2desk, telegram_bot, whatsapp_cloud, viber_bot')),
    "webhook address": ('webhook_url = "http://127.0.0.1:9099/hook"', '§webhook_url = "127.0.0.1:9099/hook"',
        '[[channel]] "api": webhook_url: should be an address that starts with http:// or https://'),
    "unknown event": ('"rating", "chat", "delivery"]', '"rating",\n§"chats"]',
        '[[channel]] "api": events.4: invalid enum value \'chats\''),
    "unknown webhook format": ('webhook_format = "json"', '§webhook_format = "xml"',
        '[[channel]] "api": webhook_format: invalid enum value \'xml\''),
    "watches an unknown channel": ('watch = ["api", "mail", "whatsapp", "viber", "telegram"]', 'watch = ["api",\n§"fax"]',
        '[[channel]] "api": watch "fax": no such channel (known: api, mail, telegram, viber, whatsapp, whatsapp_infobip, whatsapp_landbot)'),
    "e-mail channel without address": ('email = "support@northwind.example"\n', "", None),
    "no host": ('smtp = { host = "127.0.0.1", port = 2525 }', "§smtp = { port = 2525 }",
        '[[channel]] "mail": smtp: object missing required field host'),
    "port as text": ('smtp = { host = "127.0.0.1", port = 2525 }', '§smtp = { host = "127.0.0.1", port = "25" }',
        '[[channel]] "mail": smtp.port: expected int, got str'),
    "port too large": ('smtp = { host = "127.0.0.1", port = 2525 }', '§smtp = { host = "127.0.0.1", port = 70000 }',
        '[[channel]] "mail": smtp.port: expected int <= 65535'),
    "unknown mail setting": ("tls = false }", "§ssl = false }", '[[channel]] "mail": imap: object contains unknown field ssl'),
    "control characters in a setting": ('user = "support"', '§user = "a\\r\\nb"',
        '[[channel]] "mail": imap.user: holds control characters'),
    "unknown provider setting": ("company_id = 11, channel_id = 22 }", "company_id = 11, §chanel_id = 22, channel_id = 22 }",
        '[[channel]] "whatsapp": settings.chanel_id: unknown key (known: default_agent, delivered_within, claim_delivered, token, company_id, channel_id, base_url)'),
    "missing provider setting": ('settings = { base_url = "http://127.0.0.1:9102", api_key = "infobip-key", sender = "79990000000" }',
        '§settings = { base_url = "http://127.0.0.1:9102", sender = "79990000000" }',
        '[[channel]] "whatsapp_infobip": no "settings.api_key"'),
    "wrong provider setting": ("channel_id = 44", "§channel_id = true", '[[channel]] "viber": settings.channel_id: expected int, got bool'),
    # [[field]]
    "unknown kind of field": ('type = "checkbox"', '§type = "date"',
        '[[field]] "vip": type "date": should be one of text, checkbox, list, nested_list'),
    "options of a text": ('type = "text"', 'type = "text"\n§options = ["a"]', '[[field]] "order": options: a field of type text has no options'),
    "levels of a list": ('options = ["Delivery"', '§levels = ["a"]\noptions = ["Delivery"',
        '[[field]] "reason": levels: a field of type list has no levels'),
    "list without options": ('options = ["Delivery", "Payment", "Quality"]\n', "", None),
    "an option twice": ('options = ["Delivery", "Payment", "Quality"]', 'options = ["Delivery",\n"Payment",\n§"Delivery"]',
        '[[field]] "reason": options "Delivery": stands there twice'),
    "a number as option": ('options = ["Delivery", "Payment", "Quality"]', 'options = ["Delivery",\n§1]',
        '[[field]] "reason": options 1: should be text'),
    "add_tag is text": ("add_tag = true", '§add_tag = "yes"', '[[field]] "reason": add_tag "yes": should be true or false'),
    "options deeper than levels": ('levels = ["Category", "Model", "Part"]', 'levels = ["Category", "Model"]', None),
    "no levels": ('levels = ["Category", "Model", "Part"]', "§levels = []", '[[field]] "product": levels []: names no level'),
    "a nested option twice": ('["Frame", "Wheels"]', '["Frame",\n§"Frame"]', None),
    "a nested option of a wrong kind": ("Lights = []", "Lights = 5", None),
    # [[client]]
    "client's e-mail": ('emails = ["dana@client.example"]', 'emails = [\n§"dana"]', '[[client]] "dana": emails "dana": is no e-mail address'),
    "client's phone": ('phone = "79511234567"', '§phone = "call me"', '[[client]] "dana": phones[0].phone "call me": this is no phone number'),
    "phone type": ('type = "mobile"', '§type = "cell"', '[[client]] "dana": phones[0].type "cell": should be one of home, mobile, stationary, fax, other'),
    "phones is text": ('phones = [{ phone = "79511234567", type = "mobile" }]', '§phones = "79511234567"',
        '[[client]] "dana": phones "79511234567": should be a list of tables'),
    "messenger": ('type = "telegram", username', '§type = "icq", username',
        '[[client]] "dana": messengers[0].type "icq": should be one of telegram, viber, whatsapp, facebook, instagram, vkontakte'),
    "two clients with one phone": ('company = "Acme LLC"', 'company = "Acme LLC"\n[[client]]\nkey = "d2"\nname = "D"\n§phones = [{ phone = "+7 951 123-45-67" }]',
        '[[client]] "d2": phones "+7 951 123-45-67": [[client]] "dana" has it already'),
    "client is one table": ("[[client]]", "§[client]", "client should be written as [[client]]"),
    # [[schedule]]
    "hours": ('fri = "09:00-17:00"', '§fri = "9-17"', '[[schedule]] "office": week.fri "9-17": should be hours such as 09:00-18:00, several with commas'),
    "hours backwards": ('fri = "09:00-17:00"', '§fri = "17:00-09:00"',
        '[[schedule]] "office": week.fri "17:00-09:00": should end after it starts (hours over midnight: give each day its part)'),
    "hours that overlap": ('fri = "09:00-17:00"', '§fri = "09:00-13:00, 12:00-17:00"',
        '[[schedule]] "office": week.fri "09:00-13:00, 12:00-17:00": the hours should follow each other and not overlap'),
    "unknown day": ('fri = "09:00-17:00"', '§friday = "09:00-17:00"',
        '[[schedule]] "office": week.friday: unknown key (known: mon, tue, wed, thu, fri, sat, sun)'),
    "bad date": ('"2026-12-31", "2027-01-01"', '"2026-12-31",\n§"2027-02-30"', '[[schedule]] "office": holidays "2027-02-30": no such day (YYYY-MM-DD)'),
    "schedule without zone": ('key = "office"\ntimezone = "Europe/Moscow"\n', 'key = "office"\n', None),
    # [[sla]]
    "duration": ('first_reply = "30m"', '§first_reply = "half an hour"',
        '[[sla]] "standard": first_reply "half an hour": should be a time such as 30m, 1h30m or 2d'),
    "no time at all": ('first_reply = "30m"', '§first_reply = "0m"', '[[sla]] "standard": first_reply "0m": should be a time such as 30m, 1h30m or 2d'),
    "no such schedule": ('schedule = "office"\nfirst_reply = "30m"', '§schedule = "shop"\nfirst_reply = "30m"',
        '[[sla]] "standard": schedule "shop": no such schedule (known: office)'),
    "unknown channel in a condition": ('is = ["api", "mail"] }]', '§is = ["fax"] }]',
        '[[sla]] "standard": when[0].is ["fax"]: no such channel: fax (known: api, mail, telegram, viber, whatsapp, whatsapp_infobip, whatsapp_landbot)'),
    "measures nothing": ('first_reply = "10m"\nclose = "2h"\n', "", None),
    # [[trigger]]
    "unknown trigger event": ('on = ["ticket_created"]', 'on = [\n§"ticket_opened"]',
        '[[trigger]] "hello": on "ticket_opened": no such event (known: ticket_created, ticket_changed, comment_added)'),
    "unknown field in a condition": ('when = [{ field = "vip", is = true }]', '§when = [{ field = "vipp", is = true }]',
        '[[trigger]] "vip_first": when[0].field "vipp": no such field (known: status, type, priority, channel, group, assignee, subject, message, tag, order, product, reason, vip)'),
    "unknown operator": ('when = [{ field = "vip", is = true }]', '§when = [{ field = "vip", equals = true }]',
        '[[trigger]] "vip_first": when[0].equals true: unknown operator (known: is, is_not, contains, empty)'),
    "two operators": ('when = [{ field = "vip", is = true }]', '§when = [{ field = "vip", is = true, is_not = false }]',
        '[[trigger]] "vip_first": when[0].field "vip": a condition has one operator of is, is_not, contains, empty'),
    "checkbox compared with text": ('when = [{ field = "vip", is = true }]', '§when = [{ field = "vip", is = "yes" }]',
        '[[trigger]] "vip_first": when[0].is "yes": a checkbox is true or false'),
    "unknown priority": ('is = ["urgent", "extreme"]', '§is = ["urgent", "asap"]',
        '[[sla]] "urgent": when[0].is ["urgent", "asap"]: no such priority: asap (known: low, medium, urgent, extreme)'),
    "unknown action": ('{ add_tag = "vip" }', '§{ tag = "vip" }',
        '[[trigger]] "vip_first": then[1].tag "vip": an action is one of set, add_tag, remove_tag, comment, webhook'),
    "sets the unknown": ('{ set = "priority", to = "urgent" }', '§{ set = "prio", to = "urgent" }',
        '[[trigger]] "vip_first": then[0].set "prio": nothing that can be set (known: status, type, priority, group, assignee, order, product, reason, vip)'),
    "sets to the unknown": ('{ set = "group", to = "billing" }', '§{ set = "group", to = "sales" }',
        '[[trigger]] "vip_first": then[2].to "sales": no such group: sales (known: billing, support)'),
    "unknown template name": ("{{ client.name }}", "§{{ client.nick }}", None),
    "trigger without actions": ('then = [{ set = "priority", to = "urgent" }, { add_tag = "vip" }, { set = "group", to = "billing" }]\n', "", None),
}  # fmt: skip

# Here the mistake leaves others without what they refer to, and these are told too.
WITH_OTHERS = {"no key", "options deeper than levels"}

# Cases whose mistake is on a line of the text as it is: what stands there, and the words.
ELSEWHERE = {
    "no key": ('[[group]]\nname = "Billing"', '[[group]] number 2: no "key"'),
    "no name": ('[[agent]]\nkey = "anna"', '[[agent]] "anna": no "name"'),
    "e-mail channel without address": ('[[channel]]\nkey = "mail"', '[[channel]] "mail": no "email"'),
    "list without options": ('[[field]]\nkey = "reason"', '[[field]] "reason": no "options"'),
    "options deeper than levels": (
        "options = { Bikes",
        '[[field]] "product": options: Bikes / Road is on the last level and can have no options',
    ),
    "a nested option twice": ('"Frame"], City', '[[field]] "product": options "Frame": stands there twice'),
    "a nested option of a wrong kind": (
        "options = { Bikes",
        '[[field]] "product": options 5: should be a table or a list',
    ),
    "schedule without zone": ('[[schedule]]\nkey = "office"', '[[schedule]] "office": no "timezone"'),
    "measures nothing": (
        '[[sla]]\nkey = "urgent"',
        '[[sla]] "urgent": measures nothing: none of first_reply, next_reply, close is there',
    ),
    "unknown template name": (
        "then = [{ comment",
        (
            '[[trigger]] "hello": then[0].comment "Hello {{ client.nick }}, we have your request {{ ticket....: {{ client.nick }} is no'
            " known name (known: ticket.id, ticket.subject, ticket.status, ticket.priority, ticket.type, client.name, client.email,"
            " client.phone, assignee.name, group.name, channel.name, company.name)"
        ),
    ),
    "trigger without actions": (
        '[[trigger]]\nkey = "vip_first"',
        '[[trigger]] "vip_first": no "then", so it never does anything',
    ),
}


def mistakes(data):
    with pytest.raises(BadDocument) as caught:
        parse(data, TYPES)
    return [(mistake.line, mistake.text) for mistake in caught.value.mistakes]


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_names_its_line_and_key(name):
    old, new, words = CASES[name]
    assert EXAMPLE.count(old) == 1
    marked = EXAMPLE.replace(old, new)
    text = marked.replace("§", "")
    if words is None:
        spot, words = ELSEWHERE[name]
        line = line_of(text, spot)
    else:
        line = line_of(marked, "§")
        words = words.replace("{line:[[agent]]}", str(line_of(text, "[[agent]]")))
    found = mistakes(text.encode())
    assert (line, words) in found
    assert len(found) == 1 or name in WITH_OTHERS


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines():
    text = EXAMPLE.replace('role = "admin"', 'role = "boss"').replace('fri = "09:00-17:00"', 'fri = "never"')
    text = text.replace('language = "en"', 'language = "de"').replace("port = 2525", "port = 0")
    found = mistakes(text.encode())
    assert [line for line, _ in found] == sorted(
        line_of(text, part) for part in ('role = "boss"', "week =", 'language = "de"', "port = 0")
    )


def test_secrets_are_not_repeated():
    text = EXAMPLE.replace('"e1cbe1c1c9d910ef2ae975215644cb53dd555de4"', '"geheim geheim geheim"')
    text = text.replace('password = "change me on first login"', 'password = "geheim\\u0001"')
    text = text.replace('password = "secret"', 'password = "geheim\\u0001"')
    found = mistakes(text.encode())
    assert len(found) == 3
    assert not any("geheim" in words for _, words in found)


def test_a_file_that_is_no_text():
    assert mistakes(b'[company]\nname = "\xff"') == [(2, "the file is no UTF-8 text")]


def test_a_file_that_is_nested_too_deeply():
    assert mistakes(b"x = " + b"[" * 5000 + b"]" * 5000) == [(0, "lists or tables are nested too deeply")]


def test_a_file_of_a_windows_editor():
    document = parse(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode(), TYPES)
    assert document.line("agent", "boris", "role") == line_of(EXAMPLE, 'role = "agent"')


def test_the_reference_configuration_has_every_key_of_every_table():
    import tomllib

    from pult.deskfile.document import KEYS

    tables = tomllib.loads(EXAMPLE)
    for name, keys in KEYS.items():
        rows = tables[name] if isinstance(tables[name], list) else [tables[name]]
        assert {key for row in rows for key in row} >= set(keys), name
