"""Bootstrap settings: what a process must know before it can read the database.

Problem: settings read from the environment all over a program cannot be explained or tested. Choice: one class, built
once in each composition root and passed down; prefix `CHANGELINE_`, nested by `__`; secrets are `SecretStr` and never
printed. What an operator changes while the system runs (limits, models, repositories) is not here but in the versioned
settings of the database.
"""

from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

WHOLE_HISTORY_MAX_BYTES = 256 * 1024**2


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Group):
    """Where PostgreSQL is. Without `url`, `changeline up` starts its own server."""

    url: SecretStr | None = None
    """`postgresql://…` of the application role, or of an owner that may create roles; then `up` makes the application role."""
    owner_url: SecretStr | None = None
    """Used for migrations only, when `url` is an application role without the rights to migrate."""
    pool_max: int = Field(10, ge=1, le=200)


class RedisSettings(_Group):
    """Where Redis is. Without `url`, `changeline up` starts its own server if it finds one; without any it uses PostgreSQL alone."""

    url: SecretStr | None = None
    embedded: bool = True
    """False: never start a Redis; use PostgreSQL alone."""


class AnthropicSettings(_Group):
    """The Messages API. `ANTHROPIC_API_KEY` and `ANTHROPIC_BASE_URL` are honoured as the ecosystem's usual names."""

    api_key: SecretStr | None = None
    base_url: str | None = None
    max_retries: int = Field(0, ge=0, le=10)
    """Retries inside the SDK, which no budget sees; the gateway's own, each with a reservation, come on top."""
    stall_timeout_s: float = Field(120.0, gt=0)
    """The longest silence of the endpoint, before its answer and within it."""


class SandboxSettings(_Group):
    """Containment of tool processes."""

    allow_uncontained: bool = False
    """True runs tools without isolation where bubblewrap does not work. Off: such a machine pauses instead."""
    memory_max_bytes: int = Field(4 * 1024**3, ge=64 * 1024**2)
    """All memory of a command's processes together, files in its scratch directories included; also the size of each of those."""
    cgroup: str = Field("", pattern=r"^(|off|/.+)$")
    """A cgroup delegated to this user (an absolute path), below which each command gets one of its own. Empty: looked for. `off`: memory is measured from outside instead."""
    tree_max_bytes: int = Field(10 * 1024**3, ge=1024**2)
    """Allocated disk of each directory that a command may write, such as its worktree."""
    tree_max_files: int = Field(1_000_000, ge=1000)
    """Files, directories and links in such a directory."""
    disk_reserve_bytes: int = Field(1024**3, ge=0)
    """Free space that commands leave to the machine, at most a twentieth of the file system; one that eats into it is stopped."""
    processes_max: int = Field(512, ge=16)
    file_max_bytes: int = Field(1024**3, ge=1024**2)
    read_only: tuple[Path, ...] = ()
    """Further directories that tools may read, such as a toolchain in an unusual prefix."""


class EnvironmentSettings(_Group):
    """How dependency environments of target repositories are built."""

    registries: tuple[str, ...] = (
        "pypi.org",
        "files.pythonhosted.org",
        "registry.npmjs.org",
        "registry.yarnpkg.com",
        "proxy.golang.org",
        "sum.golang.org",
        "crates.io",
        "static.crates.io",
        "index.crates.io",
        "repo.maven.apache.org",
        "repo1.maven.org",
    )
    """Hosts the egress proxy lets a build reach; HTTPS only."""
    private_registries: tuple[str, ...] = ()
    """Those of `registries` that may have private addresses, such as a mirror of your own; never loopback or link-local."""
    find_links: Path | None = None
    """A directory of Python wheels used beside the index."""
    offline: bool = False
    """True never asks an index."""
    install_scripts: bool = False
    """True lets npm packages run their install scripts, inside the sandbox of the build."""
    python_downloads: bool = False
    """True lets uv fetch a Python that a repository asks for and this machine lacks; `registries` has to list where it comes from."""
    python_mirror: str = ""
    """Where uv fetches it from, instead of its releases on GitHub; an HTTPS address without credentials."""
    build_timeout_s: float = Field(900.0, gt=0)
    check_timeout_s: float = Field(7_200.0, gt=0)
    """One check of a repository: fetching, building and both runs of every suite."""


class GitSettings(_Group):
    """The identity of Changeline's commits, and which repositories may be named."""

    author_name: str = "Changeline"
    author_email: str = "changeline@localhost"
    sign_off: bool = False
    """True ends the messages of its commits with `Signed-off-by:` and this identity, for repositories that ask for the DCO."""
    command_timeout_s: float = Field(120.0, gt=0)
    transfer_timeout_s: float = Field(1800.0, gt=0)
    """One fetch or push; a connection on which nothing moves for a minute is given up earlier."""
    look_timeout_s: float = Field(20.0, gt=0, le=120)
    """One look at a remote while somebody waits: at registration, submission and check."""
    first_fetch_timeout_s: float = Field(600.0, gt=0, le=3600)
    """One fetch while somebody waits: the whole history at registration, what is new later."""
    private_hosts: tuple[str, ...] = ()
    """Hosts, or `host:port`, that everybody may name although they are private. Never link-local ones or metadata services."""
    local_paths: tuple[Path, ...] = ()
    """Directories below which everybody may name repositories. Others only admins of the installation's own tenant."""
    transfer_max_bytes: int = Field(16 * 1024**3, ge=1024**2)
    """The largest file that git may write: the pack of a fetched history, or one file of a checkout."""
    whole_history_max_bytes: int = Field(WHOLE_HISTORY_MAX_BYTES, ge=0)
    """A longer history of a repository on a network is fetched without older versions of files, where its server allows that."""
    memory_max_bytes: int = Field(4 * 1024**3, ge=64 * 1024**2)
    """Private memory of one git process; more ends it, so that a hostile repository cannot take the machine's."""


class LeaseSettings(_Group):
    """How fast a dead worker is noticed. Process tests run with fractions of a second."""

    beat_s: float = Field(30.0, gt=0)
    lost_after_s: float = Field(90.0, gt=0)
    deaths_max: int = Field(5, ge=1, le=100)
    """Workers that die in a row without any progress; then the change request pauses (`attempts_exhausted`)."""


class EffectSettings(_Group):
    """How changes outside (pushes, merges, reports, notifications) are carried out and tried again."""

    claim_s: float = Field(15.0, gt=0)
    """How long a controller that fell silent keeps others from an effect it took; renewed each third while it works."""
    execution_timeout_s: float = Field(150.0, gt=0)
    """One try; above `git.command_timeout_s`, so that git gives up first and says why."""
    retry_s: float = Field(2.0, ge=0)
    """The pause after the first failed try. It doubles each time; a random part of up to a half is taken off."""
    retry_max_s: float = Field(300.0, ge=0)
    """The longest such pause. A receiver's own `Retry-After` may be longer, up to a day."""
    tries_max: int = Field(8, ge=1, le=100)
    """Tries of a push, merge or deletion before it becomes a dead letter."""
    delivery_tries_max: int = Field(14, ge=1, le=100)
    """Tries of a report or notification before it becomes a dead letter."""


class WebhookSettings(_Group):
    """Signed deliveries to other systems: reports on change requests, and notifications."""

    secrets: dict[str, SecretStr] = {}
    """Names and keys of signatures, such as `CHANGELINE_WEBHOOK__SECRETS__REPORTS`. Only the controller reads them."""
    report_secret: str = "reports"  # noqa: S105 - the name of a secret
    """The name of the secret that signs reports."""
    private_hosts: tuple[str, ...] = ()
    """Hosts that may have private or loopback addresses; all others have to be public. Never link-local ones."""
    timeout_s: float = Field(10.0, gt=0, le=60)
    """One delivery, from resolving the name to the end of the answer."""


class TimerSettings(_Group):
    """When somebody is told that something waits or stands still."""

    gate_reminder_s: float = Field(24 * 3600.0, gt=0)
    """A decision is reminded of after this time, and each time it passes again."""
    review_timeout_s: float = Field(48 * 3600.0, gt=0)
    """A change request that waits this long for a review of its pull request pauses as `review_timeout`."""
    silence_s: float = Field(300.0, gt=0)
    """A running change request without any event for this long is reported, once per silence."""


class ControllerSettings(_Group):
    """The HTTP door."""

    host: str = "127.0.0.1"
    port: int = Field(8321, ge=0, le=65_535)
    """0 takes any free port."""
    behind_proxy: bool = False
    """True states that a TLS-terminating proxy stands in front; needed for anything but loopback."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names, beside loopback and `host`, under which the controller may be addressed; a proxy's public name."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    request_timeout_s: float = Field(30.0, gt=0)
    """For a request to arrive, head and body; one that does not is answered 400 and its connection closed."""
    workers_max: int = Field(4, ge=1, le=500)
    """Change requests that run at the same time, over all tenants; `dispatch.all_workers_max` changes it at once."""
    tenant_workers_max: int = Field(4, ge=1, le=500)
    """Of one tenant; the runtime setting `dispatch.workers_max` changes it per tenant at once."""


class ProcessSettings(BaseSettings):
    """Everything a process is told from outside. Environment first, then `.env`-free defaults."""

    model_config = SettingsConfigDict(
        env_prefix="CHANGELINE_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    data_dir: Path | None = None
    """The one data directory; None means the platform's usual place (see `cli.local.data_directory`)."""
    tenant: str = "default"
    log_level: str = "info"
    url: str | None = None
    """A controller elsewhere, for the command line; None means the installation of the data directory."""
    token: SecretStr | None = None
    """The bearer token for `url`."""
    scenario: Path | None = None
    """A scripted model's scenario file; set only by `--scenario` and the demo, and shown wherever the model is named."""
    crash_points: Path | None = None
    """A directory in which the chaos suite arms places where processes end themselves; refused without a scripted model."""
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    anthropic: AnthropicSettings = AnthropicSettings()
    sandbox: SandboxSettings = SandboxSettings()
    environment: EnvironmentSettings = EnvironmentSettings()
    git: GitSettings = GitSettings()
    lease: LeaseSettings = LeaseSettings()
    controller: ControllerSettings = ControllerSettings()
    effects: EffectSettings = EffectSettings()
    webhook: WebhookSettings = WebhookSettings()
    timers: TimerSettings = TimerSettings()
    ambient_anthropic_api_key: SecretStr | None = Field(None, validation_alias=AliasChoices("ANTHROPIC_API_KEY"))
    ambient_anthropic_base_url: str | None = Field(None, validation_alias=AliasChoices("ANTHROPIC_BASE_URL"))
    ambient_xdg_state_home: Path | None = Field(None, validation_alias=AliasChoices("XDG_STATE_HOME"))

    @property
    def anthropic_api_key(self) -> SecretStr | None:
        """Our own setting first, then the ecosystem's name."""
        return self.anthropic.api_key or self.ambient_anthropic_api_key

    @property
    def anthropic_base_url(self) -> str | None:
        """Our own setting first, then the ecosystem's name; None is the SDK's default."""
        return self.anthropic.base_url or self.ambient_anthropic_base_url
