"""The data that the embedded model is trained on: made here, from the structure of the suite `planning`.

`intents` are what instructions may mean, `phrases` are the words for them, `teacher` carries them out,
`workflows` composes them into workflows of all qualities, `samples` renders all that as chats.
"""
