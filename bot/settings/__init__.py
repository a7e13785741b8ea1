"""Settings: what the environment and `.env` say. The environment wins; an empty value is none.

All are named in `.env.example`. What cannot be used raises a SettingsError that names the
variable, its value unless it is secret, and what would be right.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal

from dotenv.parser import parse_stream
from platformdirs import user_state_path
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.domain.errors import SettingsError
from bot.domain.experiment import Timings
from bot.settings.values import addresses, folder, listed, one_word, prefixed, url, users, words

# The timings for a playground whose timers run fast; a real cluster has those of `Timings`.
FAST: Final = Timings(
    poll=0.5, warm_up=3.0, detection=10.0, approval=600.0, recovery=30.0, settling=3.0
)
_LONGEST_SOCKET: Final = 103  # bytes; Linux allows 107, macOS 103
_PREFIX: Final = "CHAOSBOT_"
_SECRET: Final = frozenset({"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "ANTHROPIC_API_KEY"})
PLAYGROUND_LOAD: Final = (
    *("-m", "bot.playground.load", "run", "tikv", "-P", "workloada"),
    *("-p", "tikv.pd={pd}", "-p", "tikv.type=raw", "-p", "operationcount=1000000000"),
    *("-p", "silence=false", "--threads", "16", "--target", "200", "--interval", "0.5"),
)
YCSB_IMAGE: Final = "chaosbot-ycsb:local"
YCSB_LOAD: Final = (
    *("go-ycsb", "run", "tikv", "-P", "workloads/workloada"),
    *("-p", "tikv.pd={pd}", "-p", "tikv.type=raw", "-p", "operationcount=1000000000"),
    *("-p", "silence=false", "--threads", "16", "--target", "500", "--interval", "1"),
)


class Settings(BaseSettings):
    """What Chaosbot was told. Made by `load`; each field is the variable that its alias names."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=True, env_ignore_empty=True
    )

    slack_bot_token: Annotated[SecretStr, prefixed("xoxb-")] | None = Field(
        None, alias="SLACK_BOT_TOKEN"
    )
    slack_app_token: Annotated[SecretStr, prefixed("xapp-")] | None = Field(
        None, alias="SLACK_APP_TOKEN"
    )
    slack_api_url: Annotated[str, AfterValidator(url)] = Field(
        "https://slack.com/api/", alias="SLACK_API_URL"
    )
    anthropic_api_key: SecretStr | None = Field(None, alias="ANTHROPIC_API_KEY")
    anthropic_base_url: Annotated[str, AfterValidator(url)] | None = Field(
        None, alias="ANTHROPIC_BASE_URL"
    )
    model: str = Field("claude-sonnet-5-5", alias="CHAOSBOT_MODEL")
    home: Annotated[Path, BeforeValidator(folder)] = Field(
        default_factory=lambda: user_state_path("chaosbot"), alias="CHAOSBOT_HOME"
    )
    cluster: Literal["playground", "docker"] = Field("playground", alias="CHAOSBOT_CLUSTER")
    named: Annotated[str, AfterValidator(one_word)] | None = Field(
        None, alias="CHAOSBOT_CLUSTER_NAME"
    )
    playground_socket: Annotated[Path, BeforeValidator(folder)] | None = Field(
        None, alias="CHAOSBOT_PLAYGROUND_SOCKET"
    )
    docker_project: str | None = Field(None, alias="CHAOSBOT_DOCKER_PROJECT")
    docker_tikv: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        ("tikv*",), alias="CHAOSBOT_DOCKER_TIKV_SERVICES"
    )
    docker_pd: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        ("pd*",), alias="CHAOSBOT_DOCKER_PD_SERVICES"
    )
    pd: Annotated[tuple[str, ...], NoDecode, BeforeValidator(addresses)] = Field(
        (), alias="CHAOSBOT_PD"
    )
    heartbeat: FiniteFloat | None = Field(None, alias="CHAOSBOT_HEARTBEAT_SECONDS", gt=0, le=60)
    approvers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(users)] = Field(
        (), alias="CHAOSBOT_APPROVERS"
    )
    ycsb: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(words)] = Field(
        None, alias="CHAOSBOT_YCSB_COMMAND"
    )
    ycsb_image: str | None = Field(None, alias="CHAOSBOT_YCSB_IMAGE")
    prometheus_url: Annotated[str, AfterValidator(url)] | None = Field(
        None, alias="CHAOSBOT_PROMETHEUS_URL"
    )
    monitor: float = Field(5.0, alias="CHAOSBOT_MONITOR_SECONDS", ge=0.1, le=3600)
    poll: FiniteFloat | None = Field(None, alias="CHAOSBOT_POLL_SECONDS")
    warm_up: FiniteFloat | None = Field(None, alias="CHAOSBOT_WARM_UP_SECONDS")
    detection: FiniteFloat | None = Field(None, alias="CHAOSBOT_DETECTION_SECONDS")
    diagnosis: FiniteFloat | None = Field(None, alias="CHAOSBOT_DIAGNOSIS_SECONDS")
    approval: FiniteFloat | None = Field(None, alias="CHAOSBOT_APPROVAL_SECONDS")
    rollback: FiniteFloat | None = Field(None, alias="CHAOSBOT_ROLLBACK_SECONDS")
    recovery: FiniteFloat | None = Field(None, alias="CHAOSBOT_RECOVERY_SECONDS")
    settling: FiniteFloat | None = Field(None, alias="CHAOSBOT_SETTLING_SECONDS")

    @field_validator(*Timings.model_fields)
    @classmethod
    def _bounded(cls, value: float | None, info: ValidationInfo) -> float | None:
        """A duration within the bounds that Timings has for it."""
        if value is not None and info.field_name:
            try:
                Timings.model_validate({info.field_name: value})
            except ValidationError as error:
                raise ValueError(error.errors()[0]["msg"]) from None
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - read by `load`, line by line
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there are none
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then what `load` read in `.env`."""
        return env_settings, init_settings

    @property
    def cluster_name(self) -> str:
        """What people call the cluster; its kind, unless it has a name."""
        return self.named or self.cluster

    @property
    def journal(self) -> Path:
        """Where the journal is."""
        return self.home / "journal.sqlite3"

    @property
    def socket(self) -> Path:
        """Where the playground's supervisor listens."""
        return self.playground_socket or self.home / "playground.sock"

    def timings(self, *, fast: bool) -> Timings:
        """What was set, and the defaults of a fast playground or of a real cluster."""
        default = FAST if fast else Timings()
        given = {name: getattr(self, name) for name in Timings.model_fields}
        return default.model_copy(update={k: v for k, v in given.items() if v is not None})

    def ycsb_command(self, pds: Sequence[str]) -> tuple[str, ...]:
        """The command that loads the cluster whose PDs these are (URLs, or host and port).

        "{pd}" in a command that was set becomes their addresses, with commas between them.
        """
        addresses = ",".join(pd.rpartition("//")[2].rstrip("/") for pd in pds)
        words = self.ycsb or (sys.executable, *PLAYGROUND_LOAD, "--stop-on-eof")
        return tuple(word.replace("{pd}", addresses) for word in words)

    def ycsb_container(self, playground_image: str | None) -> tuple[str, tuple[str, ...]]:
        """The image of the load's container, and its command with "{pd}" still in it.

        `playground_image`: what the nodes run, if they are stand-ins; its own load suits them.
        """
        if playground_image is not None:
            load = ("python3", *PLAYGROUND_LOAD)
            return self.ycsb_image or playground_image, self.ycsb or load
        return self.ycsb_image or YCSB_IMAGE, self.ycsb or YCSB_LOAD

    def slack_tokens(self) -> tuple[str, str]:
        """The bot's and the app's token. Raises SettingsError when one is missing."""
        tokens = {"SLACK_BOT_TOKEN": self.slack_bot_token, "SLACK_APP_TOKEN": self.slack_app_token}
        if missing := [name for name, token in tokens.items() if token is None]:
            verb = "is" if len(missing) == 1 else "are"
            raise SettingsError(
                f"{' and '.join(missing)} {verb} not set.",
                mend="Put the tokens of your Slack app in the environment or in .env.",
            )
        bot, app = (token.get_secret_value() for token in tokens.values() if token)
        return bot, app

    def prepare_home(self) -> Path:
        """Make the folder of the state if it is missing. Raises SettingsError if it is of no use."""
        mend = "Name another folder in CHAOSBOT_HOME."
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(
                f"The folder {self.home} cannot be made: {error.strerror}.", mend=mend
            ) from error
        if not os.access(self.home, os.W_OK | os.X_OK):
            raise SettingsError(f"The folder {self.home} cannot be written.", mend=mend)
        return self.home


def names() -> list[str]:
    """The variables, in the order of `.env.example`."""
    return [str(field.alias) for field in Settings.model_fields.values()]


def load(env_file: Path = Path(".env")) -> Settings:
    """The settings of the environment and the file, which may be missing.

    Raises:
        SettingsError: one of them cannot be used.
    """
    lines = _read(env_file)
    known = names()
    for name in (*os.environ, *lines):
        if name.startswith(_PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise SettingsError(
                f"There is no setting {name} ({_origin(name, env_file, lines)}).",
                mend=f"Did you mean {near[0]}?",
            )
    given = {n: value for n, (value, _) in lines.items() if value and n in known}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        value = os.environ.get(name) or given.get(name, "")
        should = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        shown = "has a value that cannot be" if name in _SECRET else f'cannot be "{value[:80]}"'
        raise SettingsError(
            f"{name} ({_origin(name, env_file, lines)}) {shown}: {should}."
        ) from None
    if len(os.fsencode(settings.socket)) > _LONGEST_SOCKET:
        raise SettingsError(
            f"The path of a socket has at most {_LONGEST_SOCKET} bytes; {settings.socket} is longer.",
            mend="Name a shorter one in CHAOSBOT_PLAYGROUND_SOCKET.",
        )
    return settings


def _origin(name: str, env_file: Path, lines: Mapping[str, tuple[str, int]]) -> str:
    if os.environ.get(name) or name not in lines:
        return "in the environment"
    return f"{env_file}, line {lines[name][1]}"


def _read(env_file: Path) -> dict[str, tuple[str, int]]:
    """Variable -> its value and its line."""
    try:
        text = env_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{env_file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{env_file} cannot be read: it is not UTF-8 text.") from error
    found = {}
    for binding in parse_stream(io.StringIO(text)):
        line, written = binding.original.line, binding.original.string
        if binding.error or (binding.key and binding.value is None):
            skipped = len(written) - len(written.lstrip("\n"))
            word = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)", written)
            name = word.group(1) if word else "this line"
            raise SettingsError(
                f"{env_file}, line {line + skipped}, cannot be read: {name} has no value, or no end.",
                mend='A line looks like NAME=value or NAME="a value".',
            )
        if binding.key:
            skipped = len(written) - len(written.lstrip("\n"))
            found[binding.key] = (binding.value or "", line + skipped)
    return found
