from lorahub_server.kit.errors import HubError


class WebhookNotFound(HubError):
    status = 404
    code = "webhook_not_found"

    def __init__(self) -> None:
        super().__init__("You have no such webhook. List yours to see their ids.")


class InvalidWebhook(HubError):
    status = 422
    code = "invalid_webhook"


class TooManyWebhooks(HubError):
    status = 409
    code = "too_many_webhooks"


class DeliveryNotFound(HubError):
    status = 404
    code = "delivery_not_found"

    def __init__(self) -> None:
        super().__init__("The webhook has no such delivery, or it is too old. Load the list again.")


class NotResendable(HubError):
    """It waits to be sent anyway, the hook is off, or the day's deliveries are used up."""

    status = 409
    code = "not_resendable"
