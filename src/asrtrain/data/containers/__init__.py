"""What a recording's container promises, looked at before any decoder sees the file.

Decoders read a file that was cut as far as it goes and say nothing. Each kind of container is a module that compares
what is promised with the bytes that are there.
"""

from asrtrain.data.containers.ogg import links_of
from asrtrain.data.containers.recognition import check_container, completed

__all__ = ["check_container", "completed", "links_of"]
