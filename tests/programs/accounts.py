"""A web application: FastAPI, and SQLAlchemy's asyncio on asyncpg. DATABASE is in the environment."""

import asyncio
import os
import threading
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse
from sqlalchemy import CheckConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    __table_args__ = (CheckConstraint("balance >= 0"),)
    name: Mapped[str] = mapped_column(primary_key=True)
    balance: Mapped[int] = mapped_column(default=0)


engine = create_async_engine(os.environ["DATABASE"], pool_size=5)
session = async_sessionmaker(engine)


@asynccontextmanager
async def lifespan(_):
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/create")
async def create():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


@app.post("/accounts/{name}")
async def pay(name: str, amount: int):
    """Add to an account's balance, or open it."""
    try:
        async with session.begin() as transaction:
            change = update(Account).where(Account.name == name).values(balance=Account.balance + amount)
            if (await transaction.execute(change)).rowcount == 0:
                transaction.add(Account(name=name, balance=amount))
    except IntegrityError as error:
        raise HTTPException(409, "there is not enough") from error


@app.get("/accounts/{name}")
async def read(name: str):
    async with session() as transaction:
        return await transaction.scalar(select(Account.balance).where(Account.name == name))


@app.get("/where", response_class=PlainTextResponse)
async def where():
    """Which process answers, and on which loop."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    return f"{os.getpid()} {type(loop).__module__} {type(task).__module__}"


@app.get("/thread")
def in_thread():
    """A function that is no coroutine runs in a thread, without a loop."""
    return threading.current_thread() is not threading.main_thread()
