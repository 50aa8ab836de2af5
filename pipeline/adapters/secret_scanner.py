"""detect-secrets behind the `SecretScanner` port.

Problem: the library's usual entry points read a process-wide configuration and can verify what they find over the
network. Choice: construct the detectors we want and ask each for its pure `analyze_string`; that neither reads settings
nor opens a connection. Invariant: whatever goes wrong inside it stops the change, it never counts as "nothing found".
"""

import re
from collections.abc import Iterator, Sequence

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString, HexHighEntropyString
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.keyword import KeywordDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.evidence.secret_shapes import masked, placeholder
from pipeline.ports import SecretHit

BASE64_ENTROPY_MIN = 4.5
HEX_ENTROPY_MIN = 3.0
_LOCK_FILE = re.compile(r"(?:^|/)(?:[\w.-]*lock[\w.-]*|go\.sum|requirements[\w.-]*\.txt)$")


class DetectSecretsScanner:
    """All detectors of the library that work on a line; entropy and keywords only raise suspicion."""

    def __init__(self) -> None:
        self._certain: tuple[BasePlugin, ...] = (
            AWSKeyDetector(), AzureStorageKeyDetector(), DiscordBotTokenDetector(), GitHubTokenDetector(),
            GitLabTokenDetector(), MailchimpDetector(), NpmDetector(), OpenAIDetector(), PrivateKeyDetector(),
            PypiTokenDetector(), SendGridDetector(), SlackDetector(), SquareOAuthDetector(), StripeDetector(),
            TelegramBotTokenDetector(), TwilioKeyDetector(),
        )  # fmt: skip
        self._possible: tuple[BasePlugin, ...] = (
            ArtifactoryDetector(), BasicAuthDetector(), CloudantDetector(), JwtTokenDetector(), KeywordDetector(),
        )  # fmt: skip
        self._entropy = (Base64HighEntropyString(limit=BASE64_ENTROPY_MIN), HexHighEntropyString(limit=HEX_ENTROPY_MIN))

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


def _random(plugin: Base64HighEntropyString | HexHighEntropyString, value: str) -> bool:
    return bool(plugin.calculate_shannon_entropy(value) > plugin.entropy_limit)


def _hits(plugin: BasePlugin, values: Iterator[object], number: int, *, certain: bool) -> Iterator[SecretHit]:
    for value in values:
        text = "".join(value) if isinstance(value, tuple) else str(value)
        if not placeholder(text):
            yield SecretHit(line=number, kind=str(plugin.secret_type), certain=certain, masked=masked(text))
