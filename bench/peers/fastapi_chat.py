"""A chat server on FastAPI, SQLModel and WebSockets, as the documents that Causerie replaces describe theirs.

Two people talk as in the first document (`send_message` with `receiver_id`), groups as in the second (the participants of a
`conversation_id`), on the socket too, which is cheaper than its POST. What they leave open is decided in the server's favour:
SQLite writes ahead, and the sockets run on uvloop.
"""

import json
import os
from datetime import datetime
from typing import Dict, List, Optional

import jwt
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from sqlalchemy import event
from sqlmodel import Field, Session, SQLModel, create_engine, select

SECRET = os.environ["SECRET"]
engine = create_engine(os.environ["DATABASE_URL"], connect_args={"check_same_thread": False})


@event.listens_for(engine, "connect")
def write_ahead(connection, _record):
    connection.execute("PRAGMA journal_mode=WAL")


class User(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    name: str = Field(max_length=50)
    email: str = Field(max_length=100, unique=True)
    password: str = Field(max_length=100)


class Conversation(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)


class Participant(SQLModel, table=True):
    conversation_id: int = Field(primary_key=True, foreign_key="conversation.id")
    user_id: int = Field(primary_key=True, foreign_key="user.id")


class Message(SQLModel, table=True):
    id: Optional[int] = Field(default=None, primary_key=True)
    content: str
    timestamp: datetime = Field(default_factory=datetime.utcnow)
    sender_id: int = Field(foreign_key="user.id", index=True)
    receiver_id: Optional[int] = Field(default=None, foreign_key="user.id", index=True)
    conversation_id: Optional[int] = Field(default=None, foreign_key="conversation.id", index=True)


class ConnectionManager:
    def __init__(self):
        self.active_connections: Dict[int, List[WebSocket]] = {}

    async def connect(self, websocket: WebSocket, user_id: int):
        await websocket.accept()
        self.active_connections.setdefault(user_id, []).append(websocket)

    def disconnect(self, websocket: WebSocket, user_id: int):
        self.active_connections[user_id].remove(websocket)

    async def send_to_participants(self, message: dict, user_ids: List[int]):
        text = json.dumps(message)
        for user_id in user_ids:
            for connection in self.active_connections.get(user_id, []):
                await connection.send_text(text)


app = FastAPI()
manager = ConnectionManager()


@app.on_event("startup")
def create_people():
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        for n in range(1, int(os.environ["PEOPLE"]) + 1):
            session.add(User(id=n, name=f"person{n}", email=f"person{n}@example.org", password="-"))
        session.commit()


@app.post("/conversations", status_code=201)
def create_conversation(participants: List[int]):
    with Session(engine) as session:
        conversation = Conversation()
        session.add(conversation)
        session.commit()
        session.refresh(conversation)
        for user_id in participants:
            session.add(Participant(conversation_id=conversation.id, user_id=user_id))
        session.commit()
        return {"id": conversation.id}


def store(sender_id: int, data: dict):
    """The message, and who is told; nobody where the sender may not write to them."""
    with Session(engine) as session:
        receiver_id, conversation_id = data.get("receiver_id"), data.get("conversation_id")
        if receiver_id is not None:
            if session.get(User, receiver_id) is None:
                return None, []
            participants = [sender_id, receiver_id]
        else:
            query = select(Participant.user_id).where(Participant.conversation_id == conversation_id)
            participants = session.exec(query).all()
            if sender_id not in participants:
                return None, []
        message = Message(
            content=data["content"], sender_id=sender_id, receiver_id=receiver_id, conversation_id=conversation_id
        )
        session.add(message)
        session.commit()
        session.refresh(message)
        return message, participants


@app.websocket("/messages/ws")
async def messages(websocket: WebSocket, token: str):
    try:
        user_id = int(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
    except jwt.PyJWTError:
        await websocket.close(code=4001)
        return
    await manager.connect(websocket, user_id)
    try:
        while True:
            data = await websocket.receive_json()
            if data.get("type") == "ping":
                await websocket.send_json({"type": "pong"})
            elif data.get("type") == "send_message":
                message, participants = store(user_id, data)
                if message is None:
                    await websocket.send_json({"type": "error", "message": "Not found"})
                    continue
                told = {
                    "type": "new_message",
                    "id": message.id,
                    "content": message.content,
                    "sender_id": message.sender_id,
                    "receiver_id": message.receiver_id,
                    "conversation_id": message.conversation_id,
                    "created_at": message.timestamp.isoformat(),
                }
                await manager.send_to_participants(told, participants)
    except WebSocketDisconnect:
        manager.disconnect(websocket, user_id)
