import json

import pytest

from nfs_keras.optional import optional_import


def test_what_is_installed_is_imported():
    assert optional_import("json", extra="serving") is json


def test_what_is_missing_is_named_with_its_extra():
    with pytest.raises(ImportError, match=r"`not_there.*nfs_keras\[gallery\]"):
        optional_import("not_there", extra="gallery")
