from lorahub_server.kit.errors import HubError


class NameTaken(HubError):
    status = 409
    code = "name_taken"


class AccountNotFound(HubError):
    status = 404
    code = "account_not_found"


class InvalidProfile(HubError):
    status = 422
    code = "invalid_profile"


class BadCredentials(HubError):
    status = 401
    code = "bad_credentials"


class TokenInvalid(HubError):
    status = 401
    code = "token_invalid"


class TokenExpired(HubError):
    status = 401
    code = "token_expired"


class TokenNotFound(HubError):
    status = 404
    code = "token_not_found"


class InvalidTokenRequest(HubError):
    """The wish for a new token can't be met: its name, scopes or expiry are wrong."""

    status = 422
    code = "invalid_token_request"


class TooManyTokens(HubError):
    status = 409
    code = "too_many_tokens"
