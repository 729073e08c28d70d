from lorahub_server.kit.errors import HubError


class BaseNotFound(HubError):
    status = 404
    code = "base_not_found"


class BaseExists(HubError):
    status = 409
    code = "base_exists"
