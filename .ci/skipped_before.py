"""A plugin of pytest: run only the tests that an earlier run had to skip because MXNet was missing.

    PYTHONPATH=.ci SKIPPED_IN=report.xml python -m pytest -p skipped_before

The environment variable names the JUnit report of the earlier run.
"""

import os
from xml.etree import ElementTree

import pytest
from _pytest.junitxml import bin_xml_escape, mangle_test_address


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    from tests.needs import NO_MXNET  # pytest has found the tests by now

    tests, files = set(), set()
    for case in ElementTree.parse(os.environ["SKIPPED_IN"]).iter("testcase"):  # noqa: S314, our own file
        if any(NO_MXNET in f"{found.get('message')} {found.text}" for found in case.iter("skipped")):
            # A test has its file as its class; a file that was skipped whole has it as its name.
            tests.add((case.get("classname"), case.get("name")))
            files.add(case.get("classname") or case.get("name"))
    whole = {name for name in files if ("", name) in tests}

    def was_skipped(item):
        *path, name = mangle_test_address(item.nodeid)
        return ".".join(path) in whole or (".".join(path), bin_xml_escape(name)) in tests

    chosen = [item for item in items if was_skipped(item)]
    config.hook.pytest_deselected(items=[item for item in items if not was_skipped(item)])
    items[:] = chosen
