"""What checkov finds is mended, or its reason stands in terraform/findings.yaml."""

import pytest
import yaml

from tests.deploy.hcl import TERRAFORM
from tests.deploy.policy import INSTALL_SECONDS_MAX, RUN_SECONDS_MAX, findings


@pytest.mark.timeout(INSTALL_SECONDS_MAX + RUN_SECONDS_MAX)
def test_each_finding_is_mended_or_explained() -> None:
    explained = yaml.safe_load((TERRAFORM / "findings.yaml").read_text())
    reasons = {
        (check, folder): why for check, folders in explained.items() for folder, why in folders.items()
    }
    found = findings()
    assert sorted(found - set(reasons)) == [], "mend it, or say in terraform/findings.yaml why it is left so"
    assert sorted(set(reasons) - found) == [], "nothing finds this any more"
