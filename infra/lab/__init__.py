"""The lab: the whole product observing real servers, honest and attacked, with the truth written down beside it."""
