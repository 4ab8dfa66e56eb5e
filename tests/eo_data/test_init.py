import subprocess
import sys

import eo_data


def test_all_lists_what_is_public_and_sorted():
    public = {
        name for name in vars(eo_data) if (not name.startswith("_") and name[0].isupper()) or name in eo_data.__all__
    }
    assert public == set(eo_data.__all__)
    assert all(hasattr(eo_data, name) for name in eo_data.__all__)


def test_importing_stays_light():
    heavy = "timm torchvision lightning lightning_fabric sklearn jsonargparse matplotlib pandas scipy"
    code = f"import sys, eo_data; print([name for name in {heavy.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
