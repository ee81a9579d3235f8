"""What a chart may set of a stage: every plain setting, no secret, no other key."""

import jsonschema
import pytest

from jobs.fetch_metadata.settings import FetchMetadataSettings
from jobs.shared.settings import chart_schema
from jobs.transcribe.settings import TranscribeSettings


def test_nothing_is_required_because_the_chart_fills_in_the_platform() -> None:
    jsonschema.validate({}, chart_schema(TranscribeSettings))


@pytest.mark.parametrize("values", [{"wisper": {}}, {"whisper": {"device": "tpu"}}, {"kafka": {"password": "x"}}, {"whisper": {"batch_size": 0}}])
def test_what_the_stage_would_refuse_is_refused(values: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, chart_schema(TranscribeSettings))


def test_secrets_are_no_settings_of_a_chart() -> None:
    schema = chart_schema(FetchMetadataSettings)
    assert "trending" in schema["properties"]["podcast_index"]["properties"] or schema["properties"]["podcast_index"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"podcast_index": {"secret": "x"}}, schema)
