"""Plays a city in one process: booths, carriers, clerks and a hub, real code on a virtual clock, from one seed."""
