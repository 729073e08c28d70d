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


class AccountDisabled(HubError):
    status = 403
    code = "account_disabled"


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


class InvalidRole(HubError):
    status = 422
    code = "invalid_role"


class MemberNotFound(HubError):
    status = 404
    code = "member_not_found"


class LastAdmin(HubError):
    """An organisation that nobody may administer would be lost."""

    status = 409
    code = "last_admin"


class TooManyMembers(HubError):
    status = 409
    code = "too_many_members"


class NotAnOrganization(HubError):
    status = 404
    code = "organization_not_found"


class DeviceCodeNotFound(HubError):
    """No program waits for a decision under this code."""

    status = 404
    code = "device_code_not_found"


class DeviceRefused(HubError):
    """The program gets no token, or not yet; `reason` is one of those that OAuth has names for."""

    code = "device_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TooManyOrganizations(HubError):
    status = 409
    code = "too_many_organizations"


class NotEmpty(HubError):
    """An organisation ends only when nothing of it is left."""

    status = 409
    code = "not_empty"
