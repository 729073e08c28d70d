"""How much previews may be and cost."""

from datetime import timedelta

from lorahub_server.kit.ratelimit import Limit

# A picture that somebody uploads.
PICTURE_MAX = 20 * 1024 * 1024
SIDE_MAX = 16_384
PIXELS_MAX = 64 * 1024 * 1024
# A copy is at most that many times as high as it may be wide.
TALLEST = 3
# A file of a repository that lists show itself while, or if ever, it has no small copies.
SHOWN_WHOLE_MAX = 400_000
# Of one repository.
UPLOADS_MAX = 100
KEPT_MAX = 100
PROMPTS_MAX = 6
CAPTION_MAX = 300
SHOWN_MAX = 400
# Adapter files of a repository that get previews; the first gets all of them.
FILES_MAX = 4
# A render job goes back to the end of the queue after that long, so that others get their turn.
TURN_S = 60.0
# What nothing shows is kept that long: somebody may be about to.
UNUSED_KEPT = timedelta(days=2)
RENDERS_KEPT = timedelta(days=30)

OF_ACCOUNT = Limit("preview-pictures", 200, 3600, "pictures")
