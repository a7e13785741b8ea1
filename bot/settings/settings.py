"""The settings themselves: a field for each variable, and what is made of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

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
from bot.domain.limits import Hours, Limits
from bot.settings.values import (
    addresses,
    folder,
    groups,
    host,
    in_url,
    listed,
    one_word,
    patterns,
    prefixed,
    true_or_false,
    url,
    users,
    windows,
    words,
)

# The timings for a playground whose timers run fast; a real cluster has those of `Timings`.
FAST: Final = Timings(
    poll=0.5, warm_up=3.0, detection=10.0, approval=600.0, recovery=30.0, settling=3.0
)
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
    slack_signing_secret: SecretStr | None = Field(None, alias="SLACK_SIGNING_SECRET")
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
    approver_groups: Annotated[tuple[str, ...], NoDecode, BeforeValidator(groups)] = Field(
        (), alias="CHAOSBOT_APPROVER_GROUPS"
    )
    approvals: int = Field(1, alias="CHAOSBOT_APPROVALS", ge=1, le=20)
    starter_may_approve: Annotated[bool, BeforeValidator(true_or_false)] = Field(
        True,  # noqa: FBT003 - pydantic's default
        alias="CHAOSBOT_STARTER_MAY_APPROVE",
    )
    at_deadline: Literal["restore", "keep down"] = Field("restore", alias="CHAOSBOT_AT_DEADLINE")
    protected: Annotated[tuple[str, ...], NoDecode, BeforeValidator(patterns)] = Field(
        (), alias="CHAOSBOT_PROTECTED"
    )
    hours: Annotated[tuple[Hours, ...], NoDecode, BeforeValidator(windows)] = Field(
        (), alias="CHAOSBOT_HOURS"
    )
    runs_an_hour: int | None = Field(None, alias="CHAOSBOT_RUNS_AN_HOUR", ge=1)
    deadman: FiniteFloat = Field(60.0, alias="CHAOSBOT_DEADMAN_SECONDS", ge=5)
    guardian: FiniteFloat = Field(30.0, alias="CHAOSBOT_GUARDIAN_SECONDS", ge=0.1)
    shutdown: FiniteFloat = Field(30.0, alias="CHAOSBOT_SHUTDOWN_SECONDS", gt=0)
    http_host: Annotated[str, AfterValidator(host)] = Field("127.0.0.1", alias="CHAOSBOT_HTTP_HOST")
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

    def limits(self) -> Limits:
        """What a team allows itself."""
        return Limits(protected=self.protected, hours=self.hours, runs_an_hour=self.runs_an_hour)

    def slack_tokens(self) -> tuple[str, str]:
        """The bot's and the app's token, for Socket Mode. Raises SettingsError when one is missing."""
        return self._pair(
            SLACK_BOT_TOKEN=self.slack_bot_token, SLACK_APP_TOKEN=self.slack_app_token
        )

    def slack_http(self) -> tuple[str, str]:
        """The bot's token and the signing secret, for HTTP. Raises SettingsError when one is missing."""
        return self._pair(
            SLACK_BOT_TOKEN=self.slack_bot_token, SLACK_SIGNING_SECRET=self.slack_signing_secret
        )

    @staticmethod
    def _pair(**given: SecretStr | None) -> tuple[str, str]:
        found = {name: secret.get_secret_value() for name, secret in given.items() if secret}
        if missing := [name for name in given if name not in found]:
            verb = "is" if len(missing) == 1 else "are"
            what = "secrets" if "SLACK_SIGNING_SECRET" in missing else "tokens"
            raise SettingsError(
                f"{' and '.join(missing)} {verb} not set.",
                mend=f"Put the {what} of your Slack app in the environment or in .env.",
            )
        first, second = found.values()
        return first, second

    def secrets(self) -> tuple[str, ...]:
        """Every secret that is configured, as it may turn up in a text; to be redacted."""
        tokens = (
            *(self.slack_bot_token, self.slack_app_token, self.slack_signing_secret),
            self.anthropic_api_key,
        )
        urls = (self.slack_api_url, self.anthropic_base_url, self.prometheus_url, *self.pd)
        found = [token.get_secret_value() for token in tokens if token]
        found += [secret for url in urls if url for secret in in_url(url)]
        return tuple(dict.fromkeys(secret for secret in found if secret))

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
