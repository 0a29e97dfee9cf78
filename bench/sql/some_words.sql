-- Words of the prose that spans hold, most of them rare.
SELECT arrayJoin(arrayDistinct(splitByChar(' ', substring(text, 100000, 3000)))) FROM corpus
