"""Carries requests over REST."""

import base64

import numpy as np
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from nfs_keras.serving.server_error import ServerError

RETRIED = (429, 502, 503, 504)
DTYPES = {"valid": "bool"}  # of the outputs; the others are float32


class RESTTransport:
    """Sends requests to `:predict` as JSON; urllib3 sends them again.

    Args:
        address: `"http://host:port"`.
        model_name: The name under which the model is served.
        version: Version that must answer, or `None` for the newest.
        timeout: Seconds that one try may take.
        max_attempts: How often a request is sent.
    """

    def __init__(self, address, model_name, version, timeout, max_attempts):
        self.address = address.rstrip("/")
        self.timeout = timeout
        self._url = f"{self.address}/v1/models/{model_name}"
        if version is not None:
            self._url += f"/versions/{version}"
        retry = Retry(
            total=max_attempts - 1,
            allowed_methods=None,  # an embedding may be asked for twice
            status_forcelist=RETRIED,
            backoff_factor=0.1,
            raise_on_status=False,
        )
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def predict(self, endpoint, inputs):
        """Sends one request.

        Args:
            endpoint: Name of the endpoint.
            inputs: Dict from input name to array.

        Returns:
            Dict from output name to array.
        """
        columns = {name: as_json(value) for name, value in inputs.items()}
        message = {"signature_name": endpoint, "inputs": columns}
        answer = self._call("POST", ":predict", json=message)["outputs"]
        if not isinstance(answer, dict):
            only = "similarity" if endpoint == "match" else "embedding"
            answer = {only: answer}
        return {
            name: np.asarray(value, DTYPES.get(name, "float32"))
            for name, value in answer.items()
        }

    def available_versions(self):
        """Lists the versions that are loaded."""
        try:
            answer = self._call("GET", "")
        except ServerError:
            return []
        return sorted(
            int(v["version"])
            for v in answer["model_version_status"]
            if v["state"] == "AVAILABLE"
        )

    def close(self):
        """Closes the connection."""
        self._session.close()

    def _call(self, method, verb, **kwargs):
        try:
            response = self._session.request(
                method, self._url + verb, timeout=self.timeout, **kwargs
            )
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise ServerError(self.address, None, str(error)) from error
        if response.status_code != 200:
            message = answer.get("error", "")
            raise ServerError(self.address, response.status_code, message)
        return answer


def as_json(array):
    """Makes lists of numbers, or of base64 where there are bytes."""
    if array.dtype != object:
        return array.tolist()
    return [{"b64": base64.b64encode(item).decode()} for item in array]
