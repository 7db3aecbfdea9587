"""Tests of the widgets: their Python side, and their JavaScript in Chromium."""
