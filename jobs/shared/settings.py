"""Settings: one frozen model a stage, plain values from one YAML file, secrets from the environment only."""

import difflib
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from jobs.shared.errors import SettingsError

ENV_PREFIX = "EARSHOT_"
CONFIG_ENV = "EARSHOT_CONFIG"
"""Names the YAML file; the default is where the chart mounts it."""
DEFAULT_CONFIG = Path("/etc/earshot/config.yaml")
NOT_SETTINGS = (CONFIG_ENV, "EARSHOT_TEST_")


class Section(BaseModel):
    """A group of settings; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class S3Settings(Section):
    """An object store that speaks S3. Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""

    endpoint_url: str | None = None
    """Address of a store that is not AWS, such as http://minio:9000."""
    region: str = "us-east-1"


class LakeSettings(Section):
    """Where the Delta tables lie."""

    uri: str = Field(min_length=1)
    """A folder, or s3://bucket/prefix; each table is a folder below it."""
    s3: S3Settings = S3Settings()

    @field_validator("uri")
    @classmethod
    def _known_scheme(cls, uri: str) -> str:
        scheme = uri.split("://", 1)[0] if "://" in uri else ""
        if scheme not in ("", "s3"):
            raise ValueError("must be a folder or an s3:// address")
        return uri.rstrip("/")

    @property
    def is_s3(self) -> bool:
        return self.uri.startswith("s3://")


class KafkaSettings(Section):
    """The broker. The password comes from EARSHOT_KAFKA__PASSWORD."""

    bootstrap_servers: str = Field(min_length=1)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    ca_file: str | None = None
    """PEM file with the broker's certificate authority."""
    username: str | None = None
    password: SecretStr | None = None
    topic_prefix: str = Field("", pattern=r"^[a-zA-Z0-9._-]{0,100}$")
    """In front of every topic and consumer group, so that several installations can share a broker."""
    timeout_s: float = Field(20.0, gt=0, le=600)
    """How long a silent broker is waited for before the stage fails with exit code 1."""


class MongoSettings(Section):
    """The document store. The password comes from EARSHOT_MONGO__PASSWORD."""

    uri: str = Field(min_length=1)
    database: str = "earshot"
    username: str | None = None
    password: SecretStr | None = None
    timeout_s: float = Field(10.0, gt=0, le=600)

    @field_validator("uri")
    @classmethod
    def _no_credentials(cls, uri: str) -> str:
        if not uri.startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("must begin with mongodb:// or mongodb+srv://")
        if "@" in uri:
            raise ValueError("must not hold credentials: set username, and EARSHOT_MONGO__PASSWORD in the environment")
        return uri


class HttpSettings(Section):
    """How publishers' servers are met."""

    contact_url: str = "https://earshot.example/bot"
    """Where a publisher learns who fetches and how to complain; sent with every request. Set your own."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts (host or host:port) that may have private addresses; all others must be public."""
    timeout_s: float = Field(60.0, gt=0, le=3600)
    """Time for one whole answer, redirects included."""
    max_retry_after_s: float = Field(30.0, ge=0, le=600)
    """A busy server (429, 503) that asks for a longer wait is left for the next run."""

    @field_validator("contact_url")
    @classmethod
    def _printable(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")) or not url.isascii() or not url.isprintable():
            raise ValueError("must be an http(s) address")
        return url


class SparkSettings(Section):
    """The Spark session of a stage."""

    master: str | None = "local[*]"
    """None where the submitter sets it (the Spark operator)."""
    jars_dir: str = "/opt/earshot/jars"
    """Folder with the jars of requirements/spark-jars.txt; for S3, a second one with those of spark-s3-jars.txt after a colon."""
    driver_memory: str = Field("1g", pattern=r"^[0-9]+[mg]$")
    shuffle_partitions: int = Field(4, ge=1, le=10_000)
    """Tasks of a shuffle; a small number suits few cores."""
    conf: dict[str, str] = Field(default_factory=dict)
    """Further Spark settings, verbatim."""


class EncoderSettings(Section):
    """What turns text into vectors. The stage that embeds and the page that searches must name the same model."""

    kind: Literal["onnx", "sentence_transformers"] = "onnx"
    """onnx: ONNX Runtime on CPUs. sentence_transformers: any model that library knows, on a GPU where there is one; needs torch."""
    model: str | None = None
    """onnx: a folder with model.onnx and tokenizer.json, none for the packaged int8 MiniLM. sentence_transformers: a folder or a name."""
    threads: int = Field(1, ge=1, le=256)
    """Threads of one encoder. In Spark every task has an encoder of its own, so tasks x threads should not exceed the cores."""
    batch_tokens: int = Field(512, ge=1, le=1_000_000)
    """Tokens, padding included, that the model sees at once: small batches stay in the processor's cache, a GPU wants 65,536 and more."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Of sentence_transformers; onnx is always on the CPU."""

    @model_validator(mode="after")
    def _model_is_named(self) -> "EncoderSettings":
        if self.kind == "sentence_transformers" and not self.model:
            raise ValueError("model: needed for the kind sentence_transformers")
        return self


class SecretsOnly(EnvSettingsSource):
    """Environment variables, of secret settings alone."""

    def __call__(self) -> dict[str, Any]:
        return _keep_secrets(self.settings_cls, super().__call__())


def _keep_secrets(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in values.items():
        info = model.model_fields.get(name)
        if info is None:
            continue
        section = _section(info)
        if section is not None and isinstance(value, dict):
            inner = _keep_secrets(section, value)
            if inner:
                kept[name] = inner
        elif _is_secret(info):
            kept[name] = value
    return kept


class StageSettings(BaseSettings):
    """Values of one stage: the chart's `config` block as YAML, secrets from the environment."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", use_attribute_docstrings=True)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (SecretsOnly(settings_cls), init_settings)

    def digest(self, *fields: str) -> str:
        """Short stable digest of the named settings: changed settings make a stage work again on old input."""
        values = self.model_dump(mode="json", include=set(fields))
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


S = TypeVar("S", bound=StageSettings)


def load(model: type[S], path: Path | None) -> S:
    """The stage's settings from its YAML file and the environment; SettingsError names each wrong key and what is allowed."""
    values = _read_yaml(path)
    _refuse_secrets_in_file(model, values, str(path))
    _refuse_unknown_environment(model)
    try:
        return model(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(model, dict(problem)) for problem in error.errors())) from None


def chart_schema(model: type[StageSettings]) -> dict[str, Any]:
    """JSON Schema of what a chart's `config` block may hold: every setting but secrets, none required, no other keys.

    Nothing is required because the chart fills in what the platform knows; the stage itself refuses what is then still missing.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    return cast(dict[str, Any], _inlined(schema, definitions))


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]] | {key: value for key, value in schema.items() if key != "$ref"}
    kept = {
        key: _inlined(value, definitions) for key, value in schema.items() if key not in ("required", "title", "default", "properties", "format", "writeOnly")
    }
    if "properties" in schema:
        kept["properties"] = {name: _inlined(inner, definitions) for name, inner in schema["properties"].items() if "writeOnly" not in json.dumps(inner)}
    return kept


def config_path(argument: str | None) -> Path | None:
    """The file named on the command line, else by EARSHOT_CONFIG, else the mounted one where it exists."""
    named = argument or os.environ.get(CONFIG_ENV)
    if named:
        return Path(named)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None


def _read_yaml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"the settings file {path} is not YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"the settings file {path} must hold keys and values, not {type(values).__name__}")
    return values


def fields(model: type[BaseModel], prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting by its dotted name, sections resolved to their leaves."""
    found: dict[str, FieldInfo] = {}
    for name, info in model.model_fields.items():
        section = _section(info)
        if section is None:
            found[prefix + name] = info
        else:
            found |= fields(section, f"{prefix}{name}.")
    return found


def _section(info: FieldInfo) -> type[BaseModel] | None:
    for candidate in (info.annotation, *get_args(info.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def _is_secret(info: FieldInfo) -> bool:
    return SecretStr in (info.annotation, *get_args(info.annotation))


def environment_name(dotted: str) -> str:
    """The environment variable of a setting: `kafka.password` is EARSHOT_KAFKA__PASSWORD."""
    return ENV_PREFIX + dotted.replace(".", "__").upper()


def _refuse_secrets_in_file(model: type[BaseModel], values: dict[str, Any], path: str) -> None:
    for dotted, info in fields(model).items():
        value: Any = values
        for part in dotted.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None and _is_secret(info):
            raise SettingsError(f"{dotted}: a secret in {path}; set the environment variable {environment_name(dotted)} instead")


def _refuse_unknown_environment(model: type[BaseModel]) -> None:
    # pydantic-settings ignores a misspelt variable in silence; a secret would then be missing far from its cause. Variables of
    # other stages' secrets are no error: pods and shells share them.
    secrets = {environment_name(name): name for name, info in fields(model).items() if _is_secret(info)}
    for variable in os.environ:
        if not variable.startswith(ENV_PREFIX) or variable.startswith(NOT_SETTINGS) or variable in secrets:
            continue
        near = difflib.get_close_matches(variable, secrets, n=1, cutoff=0.85)
        if near and near[0] not in os.environ:
            raise SettingsError(f"{variable} is no setting of this stage; did you mean {near[0]}?")


def _explain(model: type[BaseModel], problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = sorted(name for name in fields(model))
        near = difflib.get_close_matches(where, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return f"{where}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{where}: missing; every run needs it in the settings file" + (
            f" or as {environment_name(where)}" if where in fields(model) and _is_secret(fields(model)[where]) else ""
        )
    got = "" if isinstance(problem.get("input"), dict | SecretStr) else f" (got {problem.get('input')!r})"
    return f"{where}: {problem['msg']}{got}"
