"""Why a query fails, in Athena's words."""


class QueryFailed(Exception):
    """The query ends as FAILED, with this reason."""


class QueryRefused(Exception):
    """The query is not even started: an InvalidRequestException with this message."""
