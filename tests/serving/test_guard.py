"""The door: who is refused, with which status, and that nothing else is let in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import NEEDS, call

pytest.importorskip("starlette", reason=NEEDS)

from gluonattn.serving.guard import POLICY, host_name
from gluonattn.serving.limits import Limits

pytestmark = pytest.mark.serve
QUICK = settings(max_examples=25)
NAMES = st.from_regex(r"[a-z0-9-]{1,12}(\.[a-z0-9-]{1,8}){0,3}(:[0-9]{1,5})?", fullmatch=True)
TOKEN = "a-secret-of-enough-characters"


def reason(answer) -> str:
    assert answer.headers["content-type"] == "application/json"
    value = answer.json()
    assert set(value) == {"error"} and "Traceback" not in value["error"]
    return value["error"]


@QUICK
@given(host=NAMES)
def test_no_other_name_in_host_is_answered(application, host):
    """A page of evil.example, whose name was made to lead to 127.0.0.1, reads nothing."""
    answer = call(application, "GET", "/v1/models", headers={"host": host})
    known = host_name(host) in ("localhost", "127.0.0.1")
    assert answer.status_code == (200 if known else 403)
    if not known:
        assert "--allow-host" in reason(answer)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_this_machine_s_own_names_are_known(application, host):
    assert call(application, "GET", "/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["", ":8000", "localhost:", "localhost:x", "[::1", "[::1]x", "127.0.0.1:80:80",
                                  "127.0.0.1.evil.example",
                                  "localhost.", "evil.example#localhost", "localhost@evil.example", "192.168.0.2"])
def test_what_only_looks_like_them_is_not(application, host):
    expected = 200 if host == "localhost:" else 403
    assert call(application, "GET", "/v1/models", headers={"host": host}).status_code == expected


def test_an_address_is_known_where_others_may_ask_and_a_name_only_if_it_was_allowed(with_rules):
    outside = with_rules(any_address=True, hosts={"reviews.example"})
    for host, status in (("192.168.0.2:80", 200), ("[fe80::1]", 200), ("reviews.example", 200), ("evil.example", 403)):
        assert call(outside, "GET", "/v1/models", headers={"host": host}).status_code == status


@QUICK
@given(origin=st.one_of(NAMES.map("http://{}".format), NAMES.map("https://{}".format), st.just("null"),
                        st.text("abc:/.", max_size=20)))
def test_no_page_of_another_origin_is_answered(application, origin):
    answer = call(application, "POST", "/v1/predict", json={"inputs": "좋다"}, headers={"origin": origin})
    assert answer.status_code == 403 and "origin" in reason(answer)


def test_the_server_s_own_page_is_answered_and_so_is_who_sends_no_origin(application):
    for origin in ({"origin": "http://127.0.0.1:8000"}, {"origin": "https://127.0.0.1:8000"}, {}):
        assert call(application, "POST", "/v1/predict", json={"inputs": "좋다"}, headers=origin).status_code == 200


@pytest.mark.parametrize("site, mode, method, status", [
    ("cross-site", "no-cors", "GET", 403), ("same-site", "cors", "GET", 403), ("cross-site", "navigate", "POST", 403),
    ("cross-site", "navigate", "GET", 200), ("same-origin", "cors", "GET", 200), ("none", "navigate", "GET", 200),
])
def test_a_browser_says_from_where_a_request_comes(application, site, mode, method, status):
    path = "/" if method == "GET" else "/v1/predict"
    answer = call(application, method, path, headers={"sec-fetch-site": site, "sec-fetch-mode": mode})
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/v1/models", "/v2/models/nsmc", "/metrics", "/docs", "/openapi.json", "/nothing"])
def test_without_the_token_nothing_of_a_model_is_told(with_rules, path):
    guarded = with_rules(token=TOKEN)
    wrong = ["", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer ünï"]
    for header in wrong:
        answer = call(guarded, "GET", path, headers={"authorization": header.encode("latin-1")})
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in reason(answer)
    right = call(guarded, "GET", path, headers={"authorization": f"bearer {TOKEN}"})
    assert right.status_code == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize("path", ["/", "/assets/page.ko.js", "/v2/health/live", "/v2/health/ready"])
def test_the_page_and_the_health_are_there_without_it(with_rules, path):
    answer = call(with_rules(token=TOKEN), "GET", path)
    assert answer.status_code == 200 and "nsmc" not in answer.text


def test_a_body_may_be_so_large_and_no_larger(application):
    most = Limits().body
    fits = json.dumps({"inputs": "가"}).encode().ljust(most)
    assert call(application, "POST", "/v1/predict", content=fits).status_code == 200
    answer = call(application, "POST", "/v1/predict", content=fits + b" ")
    assert answer.status_code == 413 and str(most) in reason(answer)


def test_a_body_that_comes_in_pieces_is_counted_too(application):
    async def pieces():
        for _ in range(40):
            yield b" " * 65536

    assert call(application, "POST", "/v1/predict", content=pieces()).status_code == 413


def test_every_answer_carries_what_keeps_a_browser_from_harm(application):
    for path in ("/", "/docs", "/v1/models", "/nothing", "/assets/page.css"):
        answer = call(application, "GET", path)
        assert answer.headers["content-security-policy"] == POLICY and answer.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in POLICY and "default-src 'none'" in POLICY and "frame-ancestors 'none'" in POLICY
    page = call(application, "GET", "/").text
    assert "<script src=" in page and "<script>" not in page and "<style" not in page and " on" not in page


@QUICK
@given(st.text(max_size=60))
def test_no_name_from_a_client_leads_to_a_file(application, name):
    from urllib.parse import quote

    for one in (name or "x", f"../{name}", "../live.html", "live.js", "..%2fpages.py"):
        answer = call(application, "GET", f"/assets/{quote(one, safe='')}")
        assert answer.status_code == 404 or one in (".", "..", "page.css", "page.ko.js", "page.en.js", "hangul.ttf")


def test_a_fault_of_ours_shows_neither_traceback_nor_text(application, monkeypatch, capsys):
    monkeypatch.setattr(type(application.models), "find", lambda *_: {}["비밀스러운 글"])
    answer = call(application, "POST", "/v1/predict", json={"inputs": "비밀스러운 글"})
    assert answer.status_code == 500 and "KeyError" not in reason(answer)
    said = capsys.readouterr().err
    assert "KeyError" in said and "비밀스러운" not in said


@pytest.mark.parametrize("asked", [True, False])
def test_the_log_has_texts_only_if_asked(with_rules, asked):
    lines = []
    logged = with_rules(log=lines.append, log_texts=asked)
    call(logged, "POST", "/v1/predict?secret=주소", json={"inputs": ["비밀", "말"]})
    call(logged, "POST", "/v1/비밀", content=b"x")
    [line, other] = map(json.loads, lines)
    assert (line["route"], line["status"], line["texts"]) == ("predict", 200, 2)
    assert (other["route"], other["status"]) == ("none", 404)
    assert line.get("text") == (["비밀", "말"] if asked else None)
    assert asked or "비밀" not in "".join(lines)
