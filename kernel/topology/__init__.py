"""Topologies: resources made of call sites, as frozen data, and the engines that walk them."""
