"""Firefox, driven over Marionette: for the campaign and for the tests of pages."""

from __future__ import annotations

import shutil
import socket
from importlib.util import find_spec
from typing import Any

# What Firefox fetches by itself at its start. Without a network each waits for an answer.
_QUIET = {
    "messaging-system.rsexperimentloader.enabled": False,
    "app.normandy.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "media.gmp-manager.updateEnabled": False,
}


def missing_of_firefox() -> str | None:
    """How to install what is missing, or None."""
    if not find_spec("marionette_driver"):
        return "needs Firefox's driver: pip install marionette_driver"
    return None if _binary() else "needs Firefox: apt-get install firefox-esr"


def start_firefox(tries: int = 3, prefs: dict[str, Any] | None = None) -> Any:
    """Firefox on a port and with a profile of its own, so that several run side by side.

    On a busy machine a Firefox in hundreds never answers: it is stopped, and another is started.

    Parameters
    ----------
    tries : int, default 3
    prefs : dict or None
        More preferences, such as those of a proxy.
    """
    from marionette_driver.marionette import Marionette

    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        tries -= 1
        try:
            return Marionette(bin=_binary(), port=port, headless=True, startup_timeout=90, gecko_log="-",
                              prefs={**_QUIET, **(prefs or {})})
        except OSError:
            if not tries:
                raise


def _binary() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")
