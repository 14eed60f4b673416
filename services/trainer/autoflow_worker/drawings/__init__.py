"""What the pages of runs draw: curves, trees and flowcharts as SVG that stands in the page itself.

Every text goes through `svg.element`, which escapes it: it may have come from a model. Colours are the page's
variables, so that a drawing is right by day and by night.
"""
