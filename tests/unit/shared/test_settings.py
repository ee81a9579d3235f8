"""Settings are checked before any work, and every mistake names its key."""

from pathlib import Path

import pytest
from pydantic import Field

from jobs.shared.errors import SettingsError
from jobs.shared.settings import KafkaSettings, MongoSettings, StageSettings, load


class Example(StageSettings):
    kafka: KafkaSettings
    mongo: MongoSettings = MongoSettings(uri="mongodb://localhost")
    batch: int = Field(8, ge=1)


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


KAFKA = "kafka: {bootstrap_servers: 'localhost:9092'}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (KAFKA + "bach: 3\n", "bach: unknown key; did you mean batch?"),
        (KAFKA + "batch: 0\n", "batch: Input should be greater than or equal to 1 (got 0)"),
        ("batch: 3\n", "kafka: missing"),
        ("kafka: {bootstrap_servers: x, security_protocol: TLS}\n", "'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
        ("kafka: {bootstrap_servers: x, password: s3cret}\n", "EARSHOT_KAFKA__PASSWORD"),
        (KAFKA + "mongo: {uri: 'mongodb://me:s3cret@host'}\n", "must not hold credentials"),
        ("- 1\n", "must hold keys and values"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_a_wrong_setting_is_refused_and_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(Example, write(tmp_path, text))
    assert says in str(error.value)


def test_an_error_about_a_secret_never_shows_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load(Example, write(tmp_path, "kafka: {bootstrap_servers: x, password: s3cret}\n"))
    assert "s3cret" not in str(error.value)


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_KAFKA__PASSWORD", "s3cret")
    settings = load(Example, write(tmp_path, KAFKA))
    assert settings.kafka.password is not None
    assert settings.kafka.password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_plain_values_do_not_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_BATCH", "99")
    assert load(Example, write(tmp_path, KAFKA)).batch == 8


def test_a_misspelt_secret_variable_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_KAFKA_PASSWORD", "s3cret")
    with pytest.raises(SettingsError, match="did you mean EARSHOT_KAFKA__PASSWORD"):
        load(Example, write(tmp_path, KAFKA))


def test_the_digest_changes_with_the_named_settings_only(tmp_path: Path) -> None:
    one = load(Example, write(tmp_path, KAFKA + "batch: 1\n"))
    two = load(Example, write(tmp_path, KAFKA + "batch: 2\n"))
    assert one.digest("batch") != two.digest("batch")
    assert one.digest("kafka") == two.digest("kafka")
