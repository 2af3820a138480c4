#!/bin/sh
# A stand-in for a command that is not here. Called through a link, it appends its name and its words, with 0x1F
# between them, to the file `calls` beside the link, and then does what `NAME.does` there says; without one, nothing.
folder=${0%/*}
name=${0##*/}
between=$(printf '\037')
line=$name
for word; do line=$line$between$word; done
printf '%s\n' "$line" >> "$folder/calls"
if [ -r "$folder/$name.does" ]; then . "$folder/$name.does"; fi
exit 0
