"""What every `SecretProvider` must do; bound by the fixture `secrets`, which keeps `reports` and an empty `void`."""

import pytest

from pipeline.ports import SecretMissing, SecretProvider

VALUE = "canary-of-a-secret"


class SecretProviderContract:
    """The value for who asks by name, and for nobody else."""

    async def test_a_secret_is_what_was_kept(self, secrets: SecretProvider) -> None:
        assert (await secrets.get("reports")).get_secret_value() == VALUE

    async def test_no_representation_shows_it(self, secrets: SecretProvider) -> None:
        assert VALUE not in f"{await secrets.get('reports')} {await secrets.get('reports')!r} {secrets!r}"

    @pytest.mark.parametrize("name", ["unknown", "void"])
    async def test_what_is_not_kept_is_named_with_a_way_to_set_it(self, secrets: SecretProvider, name: str) -> None:
        with pytest.raises(SecretMissing) as missing:
            await secrets.get(name)

        assert name in missing.value.message
        assert missing.value.remedy
        assert VALUE not in f"{missing.value.message} {missing.value.remedy}"
