"""The stages of Earshot, one package each, and the library they share."""
