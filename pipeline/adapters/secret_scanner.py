"""detect-secrets behind the `SecretScanner` port.

Problem: the library's usual entry points read a process-wide configuration and can verify what they find over the
network. Choice: construct the detectors we want and ask each for its pure `analyze_string`; that neither reads settings
nor opens a connection. Invariant: whatever goes wrong inside it stops the change, it never counts as "nothing found".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import SecretHit
from pipeline.proof.secret_shapes import masked, placeholder

BASE64_ENTROPY_MIN = 4.5
HEX_ENTROPY_MIN = 3.0
_LOCK_FILE = re.compile(r"(?:^|/)(?:[\w.-]*lock[\w.-]*|go\.sum|requirements[\w.-]*\.txt)$")


_CERTAIN = (
    ("aws", "AWSKeyDetector"), ("azure_storage_key", "AzureStorageKeyDetector"), ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"), ("gitlab_token", "GitLabTokenDetector"), ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"), ("openai", "OpenAIDetector"), ("private_key", "PrivateKeyDetector"),
    ("pypi_token", "PypiTokenDetector"), ("sendgrid", "SendGridDetector"), ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"), ("stripe", "StripeDetector"), ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)  # fmt: skip
_POSSIBLE = (
    ("artifactory", "ArtifactoryDetector"), ("basic_auth", "BasicAuthDetector"), ("cloudant", "CloudantDetector"),
    ("jwt", "JwtTokenDetector"), ("keyword", "KeywordDetector"),
)  # fmt: skip
_ENTROPY = (
    ("high_entropy_strings", "Base64HighEntropyString", BASE64_ENTROPY_MIN),
    ("high_entropy_strings", "HexHighEntropyString", HEX_ENTROPY_MIN),
)


class _Detector(Protocol):
    secret_type: str

    def analyze_string(self, string: str) -> Iterable[Any]: ...


class _EntropyDetector(_Detector, Protocol):
    entropy_limit: float

    def calculate_shannon_entropy(self, data: str) -> float: ...


class DetectSecretsScanner:
    """All detectors of the library that work on a line; entropy and keywords only raise suspicion."""

    def __init__(self) -> None:
        """Load the detectors here and not at import time: the library opens a socket to learn about IPv6."""
        self._certain: tuple[_Detector, ...] = tuple(_detector(*named) for named in _CERTAIN)
        self._possible: tuple[_Detector, ...] = tuple(_detector(*named) for named in _POSSIBLE)
        self._entropy: tuple[_EntropyDetector, ...] = tuple(
            _detector(module, name, limit=limit) for module, name, limit in _ENTROPY
        )

    def scan(self, path: str, lines: Sequence[tuple[int, str]]) -> list[SecretHit]:
        """Scan one file's lines; lock files are full of hashes, so entropy does not judge them."""
        try:
            return [hit for number, text in lines for hit in self._line(path, number, text)]
        except (ValueError, TypeError, AttributeError, LookupError, OSError, RuntimeError, re.error) as error:
            raise PersonNeeded(
                PauseReason.SECRET_FOUND,
                f"{path} could not be scanned for secrets, so it may hold one.",
                file=path,
                cause=type(error).__name__,
            ) from error

    def _line(self, path: str, number: int, text: str) -> Iterator[SecretHit]:
        for plugin in self._certain:
            yield from _hits(plugin, plugin.analyze_string(text), number, certain=True)
        for plugin in self._possible:
            yield from _hits(plugin, plugin.analyze_string(text), number, certain=False)
        if _LOCK_FILE.search(path):
            return
        for entropy in self._entropy:
            found = (value for value in entropy.analyze_string(text) if _random(entropy, value))
            yield from _hits(entropy, found, number, certain=False)


def _detector(module: str, name: str, **facts: float) -> Any:
    return getattr(import_module(f"detect_secrets.plugins.{module}"), name)(**facts)


def _random(plugin: _EntropyDetector, value: str) -> bool:
    return plugin.calculate_shannon_entropy(value) > plugin.entropy_limit


def _hits(plugin: _Detector, values: Iterable[Any], number: int, *, certain: bool) -> Iterator[SecretHit]:
    for value in values:
        text = "".join(value) if isinstance(value, tuple) else str(value)
        if not placeholder(text):
            yield SecretHit(line=number, kind=plugin.secret_type, certain=certain, masked=masked(text))
